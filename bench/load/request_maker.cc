#include "bench/load/request_maker.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace larder::bench {
namespace {

constexpr std::string_view kKeyHole = "{key}";
constexpr std::string_view kValueHole = "{value}";
constexpr std::string_view kCommandEnd = ";";

// The right-most `digits` decimal places of `number`.
void write_digits(char* at, size_t digits, uint64_t number) {
  for (size_t place = digits; place-- > 0;) {
    at[place] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

// One word with its holes filled: key holes with zero_key, and noted relative to the word.
std::string fill_holes(std::string_view word, const KeyFormat& keys, std::string_view value,
                       std::vector<size_t>& digits_at) {
  std::string filled;
  for (size_t at = 0; at < word.size();) {
    if (word.substr(at, kKeyHole.size()) == kKeyHole) {
      filled += keys.zero_key();
      digits_at.push_back(filled.size() - keys.digits());
      at += kKeyHole.size();
    } else if (word.substr(at, kValueHole.size()) == kValueHole) {
      filled += value;
      at += kValueHole.size();
    } else {
      filled += word[at++];
    }
  }
  return filled;
}

// Adds a command to the request.
void encode_command(std::span<const std::string> words, const KeyFormat& keys,
                    std::string_view value, RequestTemplate& request) {
  request.bytes.append("*").append(std::to_string(words.size())).append("\r\n");
  for (const std::string& word : words) {
    std::vector<size_t> holes;
    const std::string filled = fill_holes(word, keys, value, holes);
    request.bytes.append("$").append(std::to_string(filled.size())).append("\r\n");
    for (const size_t hole : holes) request.digits_at.push_back(request.bytes.size() + hole);
    request.bytes += filled + "\r\n";
  }
}

RequestTemplate memcached_template(Verb verb, const KeyFormat& keys, std::string_view value) {
  RequestTemplate request;
  const char* const name = verb == Verb::get ? "get " : verb == Verb::set ? "set " : "incr ";
  request.bytes = name + keys.zero_key();
  request.digits_at.push_back(request.bytes.size() - keys.digits());
  if (verb == Verb::set) {
    request.bytes.append(" 0 0 ").append(std::to_string(value.size())).append("\r\n").append(value);
  } else if (verb == Verb::incr) {
    request.bytes += " 1";
  }
  request.bytes += "\r\n";
  return request;
}

}  // namespace

size_t KeyFormat::digits() const {
  size_t places = 1;
  for (uint64_t largest = key_count - 1; largest >= 10; largest /= 10) ++places;
  return places;
}

std::string KeyFormat::zero_key() const {
  return prefix + std::string(key_bytes - prefix.size(), '0');
}

std::string make_value(size_t bytes, uint64_t seed) {
  Random random(seed);
  std::string value(bytes, '\0');
  // '#' .. '~' leaves out blanks and quotes, so that values read well in a terminal.
  for (char& byte : value) byte = static_cast<char>('#' + random.below('~' - '#' + 1));
  return value;
}

std::vector<std::string> split_words(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  bool quoted = false;
  for (const char byte : command) {
    if (byte == '"') {
      quoted = !quoted;
      in_word = true;
    } else if (byte == ' ' && !quoted) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += byte;
      in_word = true;
    }
  }
  if (quoted) return {};
  if (in_word) words.push_back(std::move(word));
  return words;
}

RequestTemplate resp_template(const std::vector<std::string>& words, const KeyFormat& keys,
                              std::string_view value) {
  RequestTemplate request;
  request.replies = 0;
  for (auto begin = words.begin(); begin != words.end();) {
    const auto end = std::find(begin, words.end(), kCommandEnd);
    encode_command(std::span(begin, end), keys, value, request);
    ++request.replies;
    begin = end == words.end() ? end : end + 1;
  }
  return request;
}

RequestTemplate verb_template(Verb verb, WireProtocol protocol, const KeyFormat& keys,
                              std::string_view value) {
  if (protocol == WireProtocol::memcached) return memcached_template(verb, keys, value);
  switch (verb) {
    case Verb::get:
      return resp_template({"GET", "{key}"}, keys, value);
    case Verb::set:
      return resp_template({"SET", "{key}", "{value}"}, keys, value);
    case Verb::incr:
      break;
  }
  return resp_template({"INCR", "{key}"}, keys, value);
}

RequestMaker::RequestMaker(std::vector<Choice> choices, KeyChooser keys, size_t digits,
                           uint64_t seed)
    : choices_(std::move(choices)), keys_(std::move(keys)), random_(seed), digits_(digits) {
  for (const Choice& choice : choices_) {
    largest_ = std::max(largest_, choice.request.bytes.size());
    total_weight_ += choice.weight;
  }
}

void RequestMaker::prepare(char* buffer, size_t count) const {
  if (choices_.size() > 1) return;  // write() copies
  const std::string& bytes = choices_.front().request.bytes;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(buffer + i * bytes.size(), bytes.data(), bytes.size());
  }
}

size_t RequestMaker::write(char* buffer, size_t count) {
  char* at = buffer;
  if (choices_.size() == 1) {
    const RequestTemplate& request = choices_.front().request;
    for (size_t i = 0; i < count; ++i) {
      write_keys(at, request);
      at += request.bytes.size();
    }
  } else {
    for (size_t i = 0; i < count; ++i) {
      const RequestTemplate& request = draw_template();
      std::memcpy(at, request.bytes.data(), request.bytes.size());
      write_keys(at, request);
      at += request.bytes.size();
    }
  }
  return static_cast<size_t>(at - buffer);
}

void RequestMaker::write_keys(char* at, const RequestTemplate& request) {
  for (const size_t hole : request.digits_at) write_digits(at + hole, digits_, keys_.next());
}

const RequestTemplate& RequestMaker::draw_template() {
  uint64_t drawn = random_.below(total_weight_);
  for (const Choice& choice : choices_) {
    if (drawn < choice.weight) return choice.request;
    drawn -= choice.weight;
  }
  return choices_.back().request;
}

}  // namespace larder::bench
