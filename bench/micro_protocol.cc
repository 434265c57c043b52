// What the protocol layer alone costs per request: cutting and answering, with everything in the
// cache. Each iteration is one batch of 64, as one receive of a deeply pipelining client brings it;
// the column "items_per_second" counts requests or replies.
//
// Not measured here: memory traffic of real keys and values, and the kernel.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/number.h"
#include "protocol/reply.h"
#include "protocol/request_parser.h"

namespace {

using larder::protocol::ArgumentList;
using larder::protocol::Dialect;
using larder::protocol::ParseStatus;
using larder::protocol::Reply;
using larder::protocol::ReplyBuffer;
using larder::protocol::RequestLimits;
using larder::protocol::RequestParser;

constexpr size_t kBatch = 64;

void add_bulk(std::string& bytes, std::string_view argument) {
  bytes += "$" + std::to_string(argument.size()) + "\r\n";
  bytes += argument;
  bytes += "\r\n";
}

std::string key_number(size_t number) {
  const std::string digits = std::to_string(number * 7919);
  return "key:" + std::string(12 - digits.size(), '0') + digits;
}

// 64 requests "GET key" or, with a value size, "SET key value".
std::string pipeline(size_t value_bytes) {
  std::string bytes;
  for (size_t i = 0; i < kBatch; ++i) {
    bytes += value_bytes > 0 ? "*3\r\n" : "*2\r\n";
    add_bulk(bytes, value_bytes > 0 ? "SET" : "GET");
    add_bulk(bytes, key_number(i));
    if (value_bytes > 0) add_bulk(bytes, std::string(value_bytes, 'v'));
  }
  return bytes;
}

// Cuts every whole request from `input`; returns how many bytes are left over.
size_t cut_all(RequestParser& parser, std::string_view input, ArgumentList& arguments,
               size_t& requests) {
  const RequestLimits limits;
  while (!input.empty()) {
    const auto result = parser.next(input, limits, arguments);
    if (result.status == ParseStatus::incomplete) break;
    if (result.status != ParseStatus::complete) std::abort();
    ++requests;
    input.remove_prefix(result.consumed);
  }
  return input.size();
}

void parse_pipeline(benchmark::State& state) {
  const std::string input = pipeline(static_cast<size_t>(state.range(0)));
  RequestParser parser;
  ArgumentList arguments;
  size_t requests = 0;
  for (auto _ : state) {
    arguments.clear();
    if (cut_all(parser, input, arguments, requests) != 0) std::abort();
    benchmark::DoNotOptimize(arguments.views.data());
  }
  if (requests != kBatch * static_cast<size_t>(state.iterations())) std::abort();
  state.SetItemsProcessed(static_cast<int64_t>(requests));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(input.size()));
}
BENCHMARK(parse_pipeline)->ArgName("value_bytes")->Arg(0)->Arg(64)->Arg(1024);

// The same, but every batch arrives in two pieces that part in the middle of a value.
void parse_pipeline_split(benchmark::State& state) {
  const std::string input = pipeline(static_cast<size_t>(state.range(0)));
  const size_t first_piece = input.size() / 2;
  RequestParser parser;
  ArgumentList arguments;
  size_t requests = 0;
  for (auto _ : state) {
    arguments.clear();
    const size_t left =
        cut_all(parser, std::string_view(input).substr(0, first_piece), arguments, requests);
    cut_all(parser, std::string_view(input).substr(first_piece - left), arguments, requests);
    benchmark::DoNotOptimize(arguments.views.data());
  }
  if (requests != kBatch * static_cast<size_t>(state.iterations())) std::abort();
  state.SetItemsProcessed(static_cast<int64_t>(requests));
}
BENCHMARK(parse_pipeline_split)->ArgName("value_bytes")->Arg(0)->Arg(64)->Arg(1024);

void parse_inline(benchmark::State& state) {
  std::string input;
  for (size_t i = 0; i < kBatch; ++i) input += "PING\r\n";
  RequestParser parser;
  ArgumentList arguments;
  size_t requests = 0;
  for (auto _ : state) {
    arguments.clear();
    if (cut_all(parser, input, arguments, requests) != 0) std::abort();
    benchmark::DoNotOptimize(arguments.views.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(requests));
}
BENCHMARK(parse_inline);

// Writes 64 replies into a buffer that is kept, as a connection keeps its own.
template <typename Write>
void write_batch(benchmark::State& state, Write write) {
  ReplyBuffer buffer;
  for (auto _ : state) {
    buffer.clear();
    Reply reply(buffer, Dialect::resp2);
    for (size_t i = 0; i < kBatch; ++i) write(reply, i);
    benchmark::DoNotOptimize(buffer.view().data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(kBatch));
}

void reply_bulk(benchmark::State& state) {
  const std::string value(static_cast<size_t>(state.range(0)), 'v');
  write_batch(state, [&](Reply& reply, size_t) { reply.bulk(value); });
}
BENCHMARK(reply_bulk)->ArgName("value_bytes")->Arg(3)->Arg(64)->Arg(1024);

void reply_ok(benchmark::State& state) {
  write_batch(state, [](Reply& reply, size_t) { reply.ok(); });
}
BENCHMARK(reply_ok);

void reply_integer(benchmark::State& state) {
  const auto scale = static_cast<size_t>(state.range(0));
  write_batch(state, [scale](Reply& reply, size_t i) {
    reply.integer(static_cast<int64_t>(i % 10 * scale));
  });
}
BENCHMARK(reply_integer)->ArgName("scale")->Arg(1)->Arg(1000000);

void reply_real(benchmark::State& state) {
  write_batch(state, [](Reply& reply, size_t i) { reply.real(static_cast<double>(i) + 0.1); });
}
BENCHMARK(reply_real);

void read_integer(benchmark::State& state) {
  const std::string text = std::to_string(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    benchmark::DoNotOptimize(larder::protocol::parse_int64(text));
  }
}
BENCHMARK(read_integer)->Arg(7)->Arg(1234567890123456789);

}  // namespace

BENCHMARK_MAIN();
