# The libraries Weft uses, by header and library name: nothing is demanded but what is compiled against and linked with
# (Debian's oneDNN package file, for one, demands OpenCL's headers). tools/packages names the Debian packages.
#
# weft_dependency(NAME HEADER file [LIBRARY name] [PACKAGE debian-package]): the target weft_deps::NAME.
function(weft_dependency name)
  cmake_parse_arguments(ARG "" "HEADER;LIBRARY;PACKAGE" "" ${ARGN})
  string(TOUPPER ${name} upper)
  find_path(WEFT_${upper}_INCLUDE_DIR ${ARG_HEADER})
  mark_as_advanced(WEFT_${upper}_INCLUDE_DIR)
  if(NOT WEFT_${upper}_INCLUDE_DIR)
    message(FATAL_ERROR "weft: header <${ARG_HEADER}> was not found; install ${ARG_PACKAGE} (Debian), or set "
                        "CMAKE_PREFIX_PATH or WEFT_${upper}_INCLUDE_DIR to where it is")
  endif()
  add_library(weft_deps::${name} INTERFACE IMPORTED GLOBAL)
  # The compiler's own folders are left out: naming /usr/include breaks the order of the C and C++ headers.
  if(NOT WEFT_${upper}_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    target_include_directories(weft_deps::${name} SYSTEM INTERFACE ${WEFT_${upper}_INCLUDE_DIR})
  endif()
  if(ARG_LIBRARY)
    find_library(WEFT_${upper}_LIBRARY ${ARG_LIBRARY})
    mark_as_advanced(WEFT_${upper}_LIBRARY)
    if(NOT WEFT_${upper}_LIBRARY)
      message(FATAL_ERROR "weft: library ${ARG_LIBRARY} was not found; install ${ARG_PACKAGE} (Debian), or set "
                          "CMAKE_PREFIX_PATH or WEFT_${upper}_LIBRARY to where it is")
    endif()
    target_link_libraries(weft_deps::${name} INTERFACE ${WEFT_${upper}_LIBRARY})
    # A static libweft needs it at its user's link: the installed package looks for it by name.
    set_property(GLOBAL PROPERTY WEFT_LINK_NAME_weft_deps::${name} ${ARG_LIBRARY})
  endif()
endfunction()

find_package(Threads REQUIRED)
weft_dependency(json HEADER nlohmann/json.hpp PACKAGE nlohmann-json3-dev)
weft_dependency(fmt HEADER fmt/core.h LIBRARY fmt PACKAGE libfmt-dev)
weft_dependency(hwy HEADER hwy/highway.h LIBRARY hwy PACKAGE libhwy-dev)
weft_dependency(curl HEADER curl/curl.h LIBRARY curl PACKAGE libcurl4-openssl-dev)
weft_dependency(archive HEADER archive.h LIBRARY archive PACKAGE libarchive-dev)
weft_dependency(jpeg HEADER jpeglib.h LIBRARY jpeg PACKAGE libjpeg-dev)
weft_dependency(png HEADER png.h LIBRARY png PACKAGE libpng-dev)
weft_dependency(zlib HEADER zlib.h LIBRARY z PACKAGE zlib1g-dev)
weft_dependency(crypto HEADER openssl/evp.h LIBRARY crypto PACKAGE libssl-dev)
if(NOT WEFT_ONEDNN)
  add_library(weft_deps::onednn INTERFACE IMPORTED GLOBAL)  # empty
else()
  weft_dependency(onednn HEADER dnnl.hpp LIBRARY dnnl PACKAGE libdnnl-dev)
  # The OpenMP library that oneDNN uses: Weft holds it to one thread a call.
  find_library(WEFT_GOMP_LIBRARY NAMES libgomp.so.1 gomp REQUIRED)
  mark_as_advanced(WEFT_GOMP_LIBRARY)
  target_link_libraries(weft_deps::onednn INTERFACE ${WEFT_GOMP_LIBRARY})
  set_property(GLOBAL APPEND PROPERTY WEFT_LINK_NAME_weft_deps::onednn libgomp.so.1)
  target_compile_definitions(weft_deps::onednn INTERFACE WEFT_WITH_ONEDNN)
endif()
if(WEFT_BUILD_CLI)
  weft_dependency(cli11 HEADER CLI/CLI.hpp PACKAGE libcli11-dev)
endif()
