# Compiler flags, all on one INTERFACE target. SW_SANITIZE: address (with UBSan), thread, fuzz; SW_COVERAGE.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
set(SW_SANITIZE "" CACHE STRING "address | thread | fuzz | empty")
option(SW_COVERAGE "Instrument for gcov" OFF)

add_library(sw_flags INTERFACE)
target_include_directories(sw_flags INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(sw_flags INTERFACE _GNU_SOURCE SW_VERSION="${PROJECT_VERSION}")
target_compile_options(sw_flags INTERFACE
  -include ${CMAKE_SOURCE_DIR}/src/base/banned.h
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
  -Wvla -Wundef -Wformat=2 -fno-strict-aliasing -fno-common -fstack-protector-strong
  # Not by clang: it would judge the macros of uthash too.
  $<$<C_COMPILER_ID:GNU>:-Wimplicit-fallthrough>
  $<$<CONFIG:Debug>:-O1 -g3 -fno-omit-frame-pointer>
  # Assertions stay on in a release: an impossible state must stop, not spread.
  $<$<CONFIG:Release>:-O2 -g1 -UNDEBUG -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE>)
target_link_options(sw_flags INTERFACE $<$<CONFIG:Release>:-pie -Wl,-z,relro,-z,now>)
target_link_libraries(sw_flags INTERFACE Threads::Threads)

if(SW_SANITIZE STREQUAL "address")
  set(sanitizer -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(SW_SANITIZE STREQUAL "thread")
  set(sanitizer -fsanitize=thread)
elseif(SW_SANITIZE STREQUAL "fuzz")
  set(sanitizer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
elseif(NOT SW_SANITIZE STREQUAL "")
  message(FATAL_ERROR "SW_SANITIZE=${SW_SANITIZE}: expected address, thread, fuzz or empty")
endif()
if(sanitizer)
  target_compile_options(sw_flags INTERFACE ${sanitizer})
  target_link_options(sw_flags INTERFACE ${sanitizer})
endif()
if(SW_COVERAGE)
  target_compile_options(sw_flags INTERFACE --coverage)
  target_link_options(sw_flags INTERFACE --coverage)
endif()

# One imported target a library, found once here: sw_pkg(uv libuv) gives PkgConfig::uv.
function(sw_pkg name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
endfunction()
sw_pkg(uv libuv>=1.44)
sw_pkg(nghttp2 libnghttp2>=1.52)
sw_pkg(ssl openssl>=3.0)
sw_pkg(jwt libjwt>=1.10)
sw_pkg(jansson jansson>=2.13)
sw_pkg(inih inih)
sw_pkg(rabbitmq librabbitmq>=0.11)
sw_pkg(pq libpq>=15)
sw_pkg(curl libcurl>=7.88)
sw_pkg(gmime gmime-3.0>=3.2)
sw_pkg(cmocka cmocka)
