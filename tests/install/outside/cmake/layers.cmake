message(FATAL_ERROR "Weft includes the file of its user")
