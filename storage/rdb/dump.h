// A value on its own, as DUMP answers it and RESTORE takes it.
//
//   payload := body version checksum
//   body    := type value                                  see format.h
//   version := u16, little endian, of the format
//   checksum := u64, little endian: crc64 of all before it; there is no way to leave it out
//
// Payloads go to and fro between Larder, Redis and Valkey. What is read here may come from anybody:
// nothing about it is believed, and nothing may stand behind the value.
//
// Pure; any thread. O(bytes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/hash.h"
#include "storage/object.h"
#include "storage/rdb/format.h"

namespace larder::storage::rdb {

constexpr size_t kFooterBytes = 10;

// The payload of a string value; at most 20 bytes longer than its text.
std::string dump_string(std::string_view text);

// The payload of any other value.
std::string dump_object(const Object& object);

// Completes a body that is already in `payload`.
void append_footer(std::string& payload, uint16_t version = kWrittenVersion);

// The body of a payload; nothing if there is no room for a footer, the version is unknown or the
// checksum wrong. The body may still be malformed.
[[nodiscard]] std::optional<std::string_view> verified_body(std::string_view payload);

// The version of the format that a payload's footer names. REQUIRES: it was verified.
uint16_t version_of(std::string_view payload);

// The text of a body that is a string value, and nothing if it is anything else, malformed, longer
// than `max_bytes` or followed by further bytes. A part of `body` or held by `scratch`.
[[nodiscard]] std::optional<std::string_view> read_string_body(std::string_view body,
                                                               uint64_t max_bytes,
                                                               std::string& scratch);

// Is the body one of a string value, if it is sound?
bool is_string_body(std::string_view body);

// The object of a body of any other type; the caller's. Null if it is malformed, of a type that is
// not known here, without elements, has a string of more than `max_bytes`, or is followed by
// further bytes. What it takes is bounded by the body: packed strings are at most 88 times as long
// as their bytes there. `hasher` must outlive the object. `version` is the payload's: some types
// are others in Redis than in Valkey.
[[nodiscard]] Object* read_object_body(std::string_view body, uint64_t max_bytes,
                                       const KeyHasher& hasher, uint16_t version = kWrittenVersion);

}  // namespace larder::storage::rdb
