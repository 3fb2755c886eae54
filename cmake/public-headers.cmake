cmake_policy(VERSION 3.25)
# weft_public_headers(OUT SRC): the public headers, relative to SRC: what <weft/weft.h> includes, directly or not, and
# what a user's own operator and the description of a saved model need (kept out of weft.h, which has to compile in a
# second). Everything else under src/ is private and is not installed.
# As a script, `cmake -DSRC=src -P cmake/public-headers.cmake` prints them.
function(weft_public_headers out src)
  set(todo weft/weft.h weft/ops/register_operator.h weft/io/model_json.h)
  set(found "")
  while(todo)
    list(POP_FRONT todo header)
    if(header IN_LIST found OR NOT EXISTS ${src}/${header})
      continue()
    endif()
    list(APPEND found ${header})
    file(STRINGS ${src}/${header} includes REGEX "^#include <weft/")
    list(TRANSFORM includes REPLACE "^#include <(weft/[^>]+)>.*" "\\1")
    list(APPEND todo ${includes})
  endwhile()
  list(SORT found)
  set(${out} ${found} PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  get_filename_component(SRC ${SRC} ABSOLUTE)
  weft_public_headers(headers ${SRC})
  string(REPLACE ";" "\n" headers "${headers}")
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${headers}")
endif()
