# The layers of docs/DESIGN.md, in order: a folder includes only folders earlier in this list (tests/lint holds it).
set(WEFT_LAYERS base ir opdefs kernels tensor ops autograd graph nn metrics optim data io train)

# Compile options of Weft's own code.
add_library(weft_options INTERFACE)
target_compile_features(weft_options INTERFACE cxx_std_20)
target_compile_options(weft_options INTERFACE -Wall -Wextra -ffp-contract=off -fno-math-errno -fno-semantic-interposition
                       # Weft's own files are "libweft/…" to SourceLocation, which leaves them out of error messages.
                       -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/src/weft/=libweft/
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # g++ 12 warns wrongly (GCC bug 105651)
                       $<$<BOOL:${WEFT_WERROR}>:-Werror>)
if(WEFT_SANITIZE)
  target_compile_options(weft_options INTERFACE -fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(weft_options INTERFACE -fsanitize=${WEFT_SANITIZE})
endif()

# weft_layer(NAME [LIBRARIES …]): the object library of src/weft/NAME; LIBRARIES are private.
function(weft_layer name)
  cmake_parse_arguments(ARG "" "" "LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/weft/${name}/*.cpp)
  if(NOT WEFT_ONEDNN)
    list(FILTER sources EXCLUDE REGEX "/kernels/onednn/")
  endif()
  if(sources)
    add_library(weft_${name} OBJECT ${sources})
    target_include_directories(weft_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(weft_${name} PRIVATE weft_options ${ARG_LIBRARIES})
    set_target_properties(weft_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    set_property(GLOBAL APPEND PROPERTY WEFT_LAYER_TARGETS weft_${name})
    set_property(GLOBAL APPEND PROPERTY WEFT_LAYER_LIBRARIES ${ARG_LIBRARIES})
  endif()
endfunction()
