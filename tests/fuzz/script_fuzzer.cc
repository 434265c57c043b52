// What scripts do with bytes from outside: MessagePack, struct, JSON, patterns, replies of
// commands, and sources of scripts. What can be read and written again must read as such.
//
// Input: one byte that says which, then the bytes; format and data are divided by a byte 0xFE.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/script_bench.h"

namespace {

using larder::support::ScriptBench;

constexpr size_t kMemory = 8 << 20;
constexpr int kMostSlices = 3;

// A value that was read is written, read and written again, twice: the last texts are as long.
// (What is nested too deeply is lost the first time, and the order of maps may be another one.)
constexpr std::string_view kMessagePack = R"(
  local value = {cmsgpack.unpack(ARGV[1])}
  local once = cmsgpack.pack(value)
  local twice = cmsgpack.pack(cmsgpack.unpack(once))
  assert(#cmsgpack.pack(cmsgpack.unpack(twice)) == #twice, 'fuzz: cmsgpack')
)";
constexpr std::string_view kJson = R"(
  cjson.encode_invalid_numbers('null')
  cjson.encode_sparse_array(true)
  local value = cjson.decode(ARGV[1])
  local once = cjson.encode(value)
  cjson.decode_invalid_numbers(false)
  local again = cjson.decode(once)
  assert(type(again) == type(value) or value ~= value, 'fuzz: cjson ' .. once)
)";
constexpr std::string_view kStruct = R"(
  local at = ARGV[1]:find('\254', 1, true) or #ARGV[1] + 1
  local format, data = ARGV[1]:sub(1, at - 1), ARGV[1]:sub(at + 1)
  pcall(struct.size, format)
  local values = {struct.unpack(format, data)}
  local ok, packed = pcall(struct.pack, format, unpack(values, 1, #values - 1))
  if not ok then return end
  local again = {struct.unpack(format, packed)}
  assert(#again == #values, 'fuzz: struct')
)";
constexpr std::string_view kPattern = R"(
  local at = ARGV[1]:find('\254', 1, true) or #ARGV[1] + 1
  local pattern, text = ARGV[1]:sub(1, at - 1), ARGV[1]:sub(at + 1)
  local first, last = text:find(pattern)
  text:match(pattern)
  text:gsub(pattern, '%0')
  for w in text:gmatch(pattern) do end
  assert(not first or (first >= 1 and last <= #text and last >= first - 1), 'fuzz: pattern')
)";
constexpr std::string_view kReply = "redis.setresp(3) return redis.pcall('X')";

void run(std::string_view source, std::string_view data) {
  static auto bench = std::make_unique<ScriptBench>(kMemory);
  bench->answer_with([&](larder::protocol::Arguments) { return std::string(data); });
  bench->begin(source, {data}, larder::protocol::Dialect::resp3);
  for (int slice = 0; bench->engine().fiber().is_running(); ++slice) {
    if (slice >= kMostSlices) static_cast<void>(bench->engine().kill());
    static_cast<void>(bench->engine().fiber().resume());
  }
  if (bench->reply().find("fuzz:") != std::string::npos) {
    std::fprintf(stderr, "%s\n", bench->reply().c_str());
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0 || size > (64 << 10)) return 0;
  const std::string_view data(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (data.find("fuzz:") != std::string_view::npos) return 0;  // ours
  switch (bytes[0] % 6) {
    case 0: run(kMessagePack, data); break;
    case 1: run(kJson, data); break;
    case 2: run(kStruct, data); break;
    case 3: run(kPattern, data); break;
    case 4: run(kReply, data); break;
    default: run(data, "argument");
  }
  return 0;
}
