# CPack: a Debian package and a tarball.
set(CPACK_PACKAGE_NAME surewire)
set(CPACK_PACKAGE_VENDOR Surewire)
set(CPACK_PACKAGE_CONTACT "Surewire maintainers <maintainers@surewire.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Chat backend and push delivery with a guarantee")
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
