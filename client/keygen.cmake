# `dync-keygen`
dync_program(dync-keygen
  SOURCES keygen_main.cc keygen_options.cc keygen_write.cc
  DESTINATION ${CMAKE_INSTALL_BINDIR}
  USES dync_posix dync_keys dync_service dync_limits dync_names
  HIDES CLI11::CLI11)
