# Writes migrations/NNNN.sql into one source file, in order. They are numbered from 0001 without a gap.
file(GLOB migrations CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/migrations/*.sql)
list(SORT migrations)
set(texts "")
set(number 0)
foreach(migration IN LISTS migrations)
  math(EXPR number "${number} + 1")
  get_filename_component(name ${migration} NAME_WE)
  string(REGEX REPLACE "^0+" "" found ${name})
  if(NOT found EQUAL number)
    message(FATAL_ERROR "${migration}: migration ${number} is missing")
  endif()
  file(READ ${migration} text)
  string(APPEND texts "R\"sql(${text})sql\",\n")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${migration})
endforeach()
set(embedded_migrations ${CMAKE_CURRENT_BINARY_DIR}/migrations.cc)
file(CONFIGURE OUTPUT ${embedded_migrations} @ONLY CONTENT
"// Made from schema/ledger/migrations by the build.
#include \"schema/ledger/migrations.h\"

namespace dync::ledger {
namespace {
constexpr const char* kMigrations[] = {
@texts@};
}  // namespace

std::span<const char* const> migrations() { return kMigrations; }

}  // namespace dync::ledger
")
