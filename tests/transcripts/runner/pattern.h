// Pattern: what a reply must look like. README.md beside this folder explains it to authors.
//
//   pattern   = form [ ' as ' name ]
//   form      = 'any'                                  whatever it is
//             | ('+' | '-') texts | ('+' | '-') bare   bare: to the end of the line, or, inside
//                                                      brackets, to the next ',' or bracket
//             | '$' texts | '=' fmt [' '] texts | '$-1' | '*-1' | '_' | '#t' | '#f'
//             | (':' | ',' | '(') (word | range | 'any')
//             | '[' list ']' | 'unordered[' list ']' | '>[' list ']' | '~{' list '}'
//             | 'pairs[' list ']'                      arrays in an array; in RESP2 side by side
//             | '{' pattern ':' pattern, ... '}'
//   texts     = '"..."' | '/regex/' | range | 'any' | 'lines[' texts, ... ']'
//   range     = '<' [word] '..' [word] '>'             an integer within, ends included
//   list      = pattern, ... and '...' as the last one: any further elements
//
// Immutable after parsing, apart from the variables that matching may capture.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/transcripts/runner/text.h"
#include "tests/transcripts/runner/value.h"

namespace larder::transcripts {

// What a scalar's text must be.
struct TextPattern {
  enum class Form { any, literal, regex, range, lines };
  Form form = Form::any;
  Text text;       // literal, regex
  Text low, high;  // range: an empty text is open
  bool has_low = false, has_high = false;
  std::vector<TextPattern> lines;  // each must match some whole line
};

struct Pattern {
  enum class Form { any, scalar, null_bulk, null_array, null, ordered, unordered };
  Form form = Form::any;
  ValueKind kind = ValueKind::null;  // of the value, for scalars and aggregates
  std::string format;                // verbatim
  TextPattern text;
  std::vector<Pattern> items;  // map: key, value, key, value, ...
  bool is_open = false;        // '...' at the end: further elements are welcome
  bool is_pairs = false;       // in RESP2 the items' items stand here
  std::string capture;         // variable that receives the scalar's text
};

// How the types of a pattern are read. `exact`: as written. `in_resp2`: a map, set, double,
// boolean, big number or verbatim string stands for what RESP2 makes of it. `in_resp3`: `$-1` and
// `*-1` stand for the one null of RESP3.
enum class Reading { exact, in_resp2, in_resp3 };

// Parses one pattern to the end of the cursor's text. False: see cursor.
bool parse_pattern(Cursor& cursor, Pattern& pattern);

// Nothing if `value` matches, else what differs and where. Captures are written on the way.
std::optional<std::string> match(const Pattern& pattern, const Value& value, Reading reading,
                                 Variables& variables);

}  // namespace larder::transcripts
