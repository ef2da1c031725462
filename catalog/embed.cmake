# SPDX-License-Identifier: Apache-2.0
# embed_text(TARGET FILE SYMBOL): SYMBOL.h with `static const char SYMBOL[]` that holds FILE,
# for TARGET alone. Bytes, not a string literal: ISO C promises only 4095 characters in one.
function(embed_text target file symbol)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/generated/${target})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  if(bytes MATCHES "0x00|0x[89a-f]")
    message(FATAL_ERROR "${file}: plain ASCII text only")
  endif()
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}")
  file(CONFIGURE OUTPUT ${folder}/${symbol}.h @ONLY CONTENT
"/* Made from @file@ by catalog/embed.cmake. */
static const char @symbol@[] = {
@bytes@
0x00};
")
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
