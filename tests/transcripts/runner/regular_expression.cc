#include "tests/transcripts/runner/regular_expression.h"

#include <regex.h>

namespace larder::transcripts {

RegexResult match_whole(const std::string& expression, std::string_view text, std::string& error) {
  regex_t compiled;
  const std::string whole = "^(" + expression + ")$";
  const int code = regcomp(&compiled, whole.c_str(), REG_EXTENDED);
  if (code != 0) {
    char message[200];
    regerror(code, &compiled, message, sizeof(message));
    error = message;
    return RegexResult::bad_expression;
  }
  // The bounds go in with the match, as the text may hold NUL bytes.
  regmatch_t bounds{0, static_cast<regoff_t>(text.size())};
  const bool is_match = regexec(&compiled, text.data(), 1, &bounds, REG_STARTEND) == 0;
  regfree(&compiled);
  return is_match ? RegexResult::matches : RegexResult::differs;
}

}  // namespace larder::transcripts
