# The manual pages and the completion: those of ctr come from ctr itself, so that they say what its
# command line takes.
include(GNUInstallDirs)
set(CTR_MANUAL ${CMAKE_BINARY_DIR}/share/man)
set(CTR_COMPLETION ${CMAKE_BINARY_DIR}/share/completion)

add_custom_command(OUTPUT ${CTR_MANUAL}/man1/ctr.1 ${CTR_COMPLETION}/ctr.bash
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${CTR_MANUAL}/man1
  COMMAND ctr generate-man ${CTR_MANUAL}/man1
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CTR_COMPLETION}
  COMMAND ctr generate-completion bash > ${CTR_COMPLETION}/ctr.bash
  COMMAND ctr generate-completion zsh > ${CTR_COMPLETION}/_ctr
  COMMAND ctr generate-completion fish > ${CTR_COMPLETION}/ctr.fish
  DEPENDS ctr COMMENT "Writing the manual pages" VERBATIM)
add_custom_target(manual ALL DEPENDS ${CTR_MANUAL}/man1/ctr.1 ${CTR_COMPLETION}/ctr.bash)

install(DIRECTORY ${CTR_MANUAL}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES man/ctrd.8 man/ctr-monitor.8 man/ctr-runtime.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CTR_COMPLETION}/ctr.bash RENAME ctr
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CTR_COMPLETION}/_ctr DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${CTR_COMPLETION}/ctr.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
