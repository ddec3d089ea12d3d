// SPDX-License-Identifier: Apache-2.0
// The simulator's page in headless Chromium: node sim_page.js URL PROFILE SCREENSHOT PLACES. One line of JSON when it is open,
// then what it shows once there are so many places, and again whenever that changes. Ends by SIGTERM.
"use strict";
const { chromium } = require("playwright-core");

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const LOOK_MS = 200;
const say = (thing) => console.log(JSON.stringify(thing));

// Runs in the page: what a person sees, and what must not be there.
function look() {
  const text = (place, selector) => (place.querySelector(selector) || { textContent: "" }).textContent;
  const places = [...document.querySelectorAll("main section")].map((place) => ({
    provider: place.className,
    kind: place.querySelector("h2").firstChild.textContent,
    token: text(place, ".token"),
    badge: text(place, ".badge"),
    shown: [...place.querySelectorAll("article")].map((article) => ({
      title: text(article, "b"), body: text(article, "p"), repeat: text(article, ".repeat"), visible: article.innerText,
    })),
  }));
  const markup = document.querySelectorAll("main img, main script, main svg, main a, main iframe, article b b, article i").length;
  return { places, markup, ran: window.ran === true };
}

async function main(url, profile, screenshot, places) {
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium", headless: true, args: FLAGS, chromiumSandbox: false,
    viewport: { width: 1100, height: 900 },
  });
  process.on("SIGTERM", () => browser.close().then(() => process.exit(0)));
  const page = browser.pages()[0] || (await browser.newPage());
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(url)) errors.push(`asked for ${request.url()}`); });
  await page.goto(url);
  say({ port: 0, title: await page.title() });
  let last = "";
  for (;;) {
    const seen = await page.evaluate(look);
    const text = JSON.stringify(seen);
    if (seen.places.length >= places && text !== last) {
      last = text;
      await page.screenshot({ path: screenshot });
      say({ ...seen, errors });
    }
    await page.waitForTimeout(LOOK_MS);
  }
}

const [url, profile, screenshot, places] = process.argv.slice(2);
main(url, profile, screenshot, Number(places)).catch((error) => {
  console.error(error);
  process.exit(1);
});
