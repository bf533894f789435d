#include <iostream>

#include "schema/config/parameters.h"

// Prints the table of settings as README shows it; tests/rules/test_documents.py compares them.
int main() {
  std::cout << dync::config::parameters_as_markdown();
}
