// Whole-text matching with POSIX extended regular expressions. They need no exceptions and no
// stack that grows with the text, unlike std::regex; `.` matches every byte, [0-9] is a digit.
#pragma once

#include <string>
#include <string_view>

namespace larder::transcripts {

enum class RegexResult { matches, differs, bad_expression };

// `error` is set for a bad expression. O(text) for the expressions that transcripts use.
RegexResult match_whole(const std::string& expression, std::string_view text, std::string& error);

}  // namespace larder::transcripts
