// Lists of words, and what a word out of one may be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// The words with a comma and a blank between them.
std::string joined(const std::vector<std::string>& words);

/// Throws Error naming `what` ("--model", "face") and its choices, with a suggestion, where `value` is none of them.
void check_one_of(std::string_view what, std::string_view value, const std::vector<std::string>& choices);

}  // namespace weft
