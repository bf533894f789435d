#pragma once

#include <string>
#include <string_view>

namespace dync::service {

// `text` as the value of one field: as it is if it is one plain word, else in quotes, with \" \\ \n \r \t and
// \xHH. What a terminal may take for an order or a line end, and what is no UTF-8, is always escaped. At most
// 1000 bytes of it are shown, then `…`.
std::string escaped(std::string_view text);

}  // namespace dync::service
