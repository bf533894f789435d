# What every target of dync has in common, and the three kinds of target there are.

add_library(dync_options INTERFACE)
target_compile_features(dync_options INTERFACE cxx_std_20)
target_include_directories(dync_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(dync_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -fstack-protector-strong)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ takes each .cc of a piece for a header: it warns of what is private to one, and of names in two of them.
  # The release build takes each by itself and has these warnings.
  target_compile_options(dync_options INTERFACE -Wno-subobject-linkage -Wno-shadow)
endif()
target_compile_definitions(dync_options INTERFACE $<$<BOOL:${DYNC_CRASH_POINTS}>:DYNC_CRASH_POINTS>)
if(DYNC_SANITIZE)
  target_compile_options(dync_options INTERFACE -fsanitize=${DYNC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dync_options INTERFACE -fsanitize=${DYNC_SANITIZE})
endif()
if(DYNC_FUZZ)
  target_compile_options(dync_options INTERFACE -fsanitize=fuzzer-no-link)  # the parsers' coverage leads libFuzzer
endif()

configure_file(${PROJECT_SOURCE_DIR}/cmake/version.h.in ${PROJECT_BINARY_DIR}/generated/dync_version.h @ONLY)

# dync_library(NAME SOURCES… [USES our targets…] [HIDES third-party targets…])
# A library of ours. USES is public; HIDES stays behind its .cc files.
function(dync_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;HIDES" ${ARGN})
  add_library(dync_${name} STATIC ${arg_SOURCES})
  target_link_libraries(dync_${name} PUBLIC dync_options ${arg_USES} PRIVATE ${arg_HIDES})
endfunction()

# Everything that is installed, without what tests it.
add_custom_target(programs)

# dync_program(NAME SOURCES… DESTINATION dir [USES…] [HIDES…])
# An installed program.
function(dync_program name)
  cmake_parse_arguments(arg "" "DESTINATION" "SOURCES;USES;HIDES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE dync_options ${arg_USES} ${arg_HIDES})
  install(TARGETS ${name} RUNTIME DESTINATION ${arg_DESTINATION})
  add_dependencies(programs ${name})
endfunction()

# What every test reads is compiled once for all of them, and tests are not optimised: most of a build's time went there.
function(dync_test_headers)
  add_library(dync_test_headers OBJECT ${PROJECT_SOURCE_DIR}/tests/unit/headers.cc)
  target_link_libraries(dync_test_headers PRIVATE dync_options GTest::gtest GTest::gmock)
  target_compile_options(dync_test_headers PRIVATE -O0)
  target_precompile_headers(dync_test_headers PRIVATE
    <gmock/gmock.h> <gtest/gtest.h> <algorithm> <array> <chrono> <deque> <filesystem> <fstream> <functional> <map> <optional>
    <random> <regex> <set> <span> <string> <thread> <variant> <vector>)
endfunction()

# dync_unit_test(NAME SOURCES… USES… [OPTIMISED]): a GoogleTest program under the CTest label `unit`.
# OPTIMISED: it computes much itself. Its files may be compiled as one: a file whose helpers have the names of
# another's puts them in a namespace of its own.
function(dync_unit_test name)
  cmake_parse_arguments(arg "OPTIMISED" "TIMEOUT" "SOURCES;USES;HIDES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE dync_options ${arg_USES} ${arg_HIDES} GTest::gtest GTest::gmock GTest::gtest_main)
  if(NOT arg_OPTIMISED)
    target_compile_options(${name} PRIVATE -O0)
    target_precompile_headers(${name} REUSE_FROM dync_test_headers)
  endif()
  add_test(NAME unit.${name} COMMAND ${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT ${arg_TIMEOUT})
endfunction()
