# What every target of Lodge shares, and one function for each kind of target.

add_library(lodge_options INTERFACE)
target_include_directories(lodge_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(lodge_options INTERFACE _GNU_SOURCE LODGE_VERSION="${PROJECT_VERSION}")
target_compile_options(lodge_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
  -fstack-protector-strong -fno-common)
target_link_options(lodge_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
if(LODGE_SANITIZE)
  target_compile_options(lodge_options INTERFACE
    -fsanitize=${LODGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lodge_options INTERFACE -fsanitize=${LODGE_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(lodge_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(LODGE_FUZZ)
  target_compile_options(lodge_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all)
  target_link_options(lodge_options INTERFACE -fsanitize=address,undefined)
endif()

# Everything that `make run` needs, and no tests.
add_custom_target(programs)

# lodge_library(NAME SOURCES ... LINK ...): a static library of this project.
function(lodge_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC lodge_options ${arg_LINK})
endfunction()

# lodge_program(NAME SOURCES ... LINK ...): an executable that users or other programs start.
function(lodge_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE lodge_options ${arg_LINK})
  add_dependencies(programs ${name})
endfunction()

# lodge_test(NAME SOURCES ... LINK ... [TIMEOUT seconds]): a unit test; it passes when it exits with 0,
# and is skipped when it exits with 77.
function(lodge_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT BUILD_TESTING OR LODGE_FUZZ)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE lodge_options ${arg_LINK})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 LABELS unit)
endfunction()

# lodge_fuzz(NAME SOURCES ... LINK ... CORPUS dir): a libFuzzer target (LODGE_FUZZ only). Its test runs the
# corpus and a bounded number of mutations.
function(lodge_fuzz name)
  cmake_parse_arguments(arg "" "CORPUS" "SOURCES;LINK" ${ARGN})
  if(NOT LODGE_FUZZ)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE lodge_options ${arg_LINK})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set(corpus ${CMAKE_CURRENT_BINARY_DIR}/${name}-corpus)
  file(MAKE_DIRECTORY ${corpus})
  add_test(NAME ${name} COMMAND ${name} -runs=20000 -max_total_time=20 -rss_limit_mb=2048 -timeout=10
    ${corpus} ${CMAKE_CURRENT_SOURCE_DIR}/${arg_CORPUS})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()

# lodge_system_test(NAME COMMAND ... [TIMEOUT seconds]): a test with real processes, X servers or clients. It is
# registered in plain builds only, runs alone, and is skipped when it exits with 77.
function(lodge_system_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "COMMAND" ${ARGN})
  if(NOT BUILD_TESTING OR LODGE_FUZZ OR LODGE_SANITIZE)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 LABELS system RUN_SERIAL ON)
endfunction()
