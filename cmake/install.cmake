# `cmake --install`: the library, its public headers, the executable, and a package that find_package(weft) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(WEFT_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

install(TARGETS weft EXPORT weftTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT weftTargets NAMESPACE weft:: DESTINATION ${WEFT_CMAKE_DIR})
if(TARGET weft_cli)
  install(TARGETS weft_cli)
endif()

# The list of headers is made while installing: it follows the #include lines of that moment.
install(CODE "
  include(\"${CMAKE_CURRENT_LIST_DIR}/public-headers.cmake\")
  weft_public_headers(headers \"${PROJECT_SOURCE_DIR}/src\")
  foreach(header IN LISTS headers)
    get_filename_component(folder \${header} DIRECTORY)
    file(INSTALL \"${PROJECT_SOURCE_DIR}/src/\${header}\"
         DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/\${folder}\")
  endforeach()
")

# Only a static library leaves its libraries to the program that links it.
set(WEFT_STATIC_LIBRARIES "")
get_target_property(type weft TYPE)
if(type STREQUAL "STATIC_LIBRARY")
  get_property(libraries GLOBAL PROPERTY WEFT_LAYER_LIBRARIES)
  list(REMOVE_DUPLICATES libraries)
  foreach(library ${libraries})
    get_property(name GLOBAL PROPERTY WEFT_LINK_NAME_${library})
    list(APPEND WEFT_STATIC_LIBRARIES ${name})
  endforeach()
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/weftConfig.cmake.in ${PROJECT_BINARY_DIR}/weftConfig.cmake
                              INSTALL_DESTINATION ${WEFT_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weftConfig.cmake ${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
        DESTINATION ${WEFT_CMAKE_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
