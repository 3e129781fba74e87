# The graphics half of the front end: pictures to clients, and the screens that Lodge draws itself.

pkg_check_modules(GRAPHICS_FREERDP REQUIRED IMPORTED_TARGET freerdp3 freerdp-server3 winpr3)
pkg_check_modules(GRAPHICS_FREETYPE REQUIRED IMPORTED_TARGET freetype2)

set(graphics_sources graphics.c graphics-gfx.c graphics-pace.c graphics-pointer.c graphics-tiles.c
  graphics-update.c encode.c encode-planar.c encode-rle.c font.c keymap.c screen.c screen-draw.c)
list(TRANSFORM graphics_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
lodge_library(graphics SOURCES ${graphics_sources}
  LINK common ports PkgConfig::GRAPHICS_FREERDP PkgConfig::GRAPHICS_FREETYPE)

foreach(test graphics graphics-tiles graphics-pace graphics-pointer encode font keymap screen)
  lodge_test(test-${test} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test-${test}.c LINK graphics)
endforeach()

# Real clients on a real X server.
pkg_check_modules(GRAPHICS_XCB IMPORTED_TARGET xcb xcb-xfixes)
pkg_check_modules(GRAPHICS_CRYPTO IMPORTED_TARGET libcrypto)
if(GRAPHICS_XCB_FOUND AND GRAPHICS_CRYPTO_FOUND)
  set(clients_sources test-graphics-clients.c test-graphics-server.c test-graphics-display.c peer-settings.c)
  list(TRANSFORM clients_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  lodge_test(test-graphics-clients SOURCES ${clients_sources}
    LINK graphics PkgConfig::GRAPHICS_XCB PkgConfig::GRAPHICS_CRYPTO TIMEOUT 600)
  if(TEST test-graphics-clients)
    set_tests_properties(test-graphics-clients PROPERTIES LABELS system RUN_SERIAL TRUE)
  endif()
endif()
