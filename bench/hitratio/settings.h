// "name:key=number,key=number": the small language in which traces and policies are named.
#pragma once

#include <cstdlib>
#include <map>
#include <string>

namespace larder::bench {

class Settings {
 public:
  // Everything before the first colon is the name.
  explicit Settings(const std::string& text) {
    const size_t colon = text.find(':');
    name_ = text.substr(0, colon);
    size_t at = colon == std::string::npos ? text.size() : colon + 1;
    while (at < text.size()) {
      size_t end = text.find(',', at);
      if (end == std::string::npos) end = text.size();
      const std::string part = text.substr(at, end - at);
      const size_t equals = part.find('=');
      char* rest = nullptr;
      const char* digits = equals == std::string::npos ? "" : part.c_str() + equals + 1;
      const double value = std::strtod(digits, &rest);
      if (rest == digits || *rest != '\0') wrong_ = part;
      values_[part.substr(0, equals)] = value;
      at = end + 1;
    }
  }

  const std::string& name() const { return name_; }

  // The value of `key`, or `fallback`. Which keys were asked for is remembered: see unknown().
  double number(const std::string& key, double fallback) {
    const auto place = values_.find(key);
    if (place == values_.end()) return fallback;
    const double value = place->second;
    values_.erase(place);
    return value;
  }
  size_t whole(const std::string& key, size_t fallback) {
    const double value = number(key, static_cast<double>(fallback));
    if (value < 0 || value > 1e12) {
      wrong_ = key;
      return fallback;
    }
    return static_cast<size_t>(value);
  }

  // What nobody asked for or is not a number; empty if all was well.
  std::string unknown() const {
    if (!wrong_.empty()) return wrong_;
    return values_.empty() ? std::string() : values_.begin()->first;
  }

 private:
  std::string name_;
  std::string wrong_;
  std::map<std::string, double> values_;
};

}  // namespace larder::bench
