# `dync`. Everything but its main is a library, for the tests.
dync_library(client
  SOURCES buffers.cc connection.cc display.cc first_connect.cc inputs.cc interrupts.cc keys_of_server.cc metadata.cc
          network.cc options.cc pacer.cc progress.cc questions.cc receipts.cc run.cc sender.cc sentences.cc
          source.cc state_text.cc states.cc text_width.cc transfer.cc transfer_wants.cc
  USES dync_posix dync_digest dync_wire dync_transport dync_keys dync_names dync_limits dync_service
  HIDES CLI11::CLI11 nlohmann_json::nlohmann_json Threads::Threads)
dync_program(dync SOURCES main.cc DESTINATION ${CMAKE_INSTALL_BINDIR} USES dync_client)
