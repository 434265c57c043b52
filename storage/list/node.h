// What a list is made of: chunks of short elements, blobs of long ones, and the ring that holds
// them in order.
//
//   node   one word: address | bit 0: it is a blob's | bits 48..63: elements
//   chunk  capacity 2 | begin 2 | end 2 | unused 2 | bytes: room, entries (listpack.h), room
//   ring   capacity 4 | begin 4 | size 4 | unused 4 | nodes, of which `size` from `begin` on,
//          wrapping, are in use
//
// Plain data of List, which owns all of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/blob.h"

namespace larder::storage::list {

// What a chunk takes at most, so that an element in the middle is inserted or removed by moving
// about 2 KiB, and what lies unused at the ends of a long list is bounded.
constexpr size_t kMostChunkBytes = 8192;

struct Chunk {
  uint16_t capacity;
  uint16_t begin;
  uint16_t end;
  uint16_t unused;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  char* first() { return bytes() + begin; }
  char* last() { return bytes() + end; }  // behind the last entry
  const char* first() const { return reinterpret_cast<const char*>(this + 1) + begin; }
  const char* last() const { return reinterpret_cast<const char*>(this + 1) + end; }
  size_t used() const { return size_t{end} - begin; }
  size_t allocated_bytes() const { return sizeof(Chunk) + capacity; }
};
static_assert(sizeof(Chunk) == 8);

// Entries longer than this are blobs.
constexpr size_t kMostChunkRoom = kMostChunkBytes - sizeof(Chunk);

class Node {
 public:
  Node() = default;
  Node(Chunk* chunk, size_t count) : word_(reinterpret_cast<uint64_t>(chunk)) { set_count(count); }
  explicit Node(Blob* blob) : word_(reinterpret_cast<uint64_t>(blob) | kBlob) { set_count(1); }

  bool is_blob() const { return (word_ & kBlob) != 0; }
  Blob* blob() const { return reinterpret_cast<Blob*>(word_ & kAddress & ~kBlob); }
  Chunk* chunk() const { return reinterpret_cast<Chunk*>(word_ & kAddress); }
  size_t count() const { return word_ >> kCountShift; }
  void set_count(size_t count) { word_ = (word_ & kAddress) | uint64_t{count} << kCountShift; }
  void add(ptrdiff_t count) { word_ += static_cast<uint64_t>(count) << kCountShift; }
  void set_chunk(Chunk* chunk) {
    word_ = (word_ & ~kAddress) | reinterpret_cast<uint64_t>(chunk);
  }

 private:
  static constexpr uint64_t kBlob = 1;
  static constexpr unsigned kCountShift = 48;
  static constexpr uint64_t kAddress = (uint64_t{1} << kCountShift) - 1;
  static_assert(kMostChunkRoom / 2 < uint64_t{1} << (64 - kCountShift));  // an entry has two bytes

  uint64_t word_ = 0;
};
static_assert(sizeof(void*) == 8);  // and user space lies below 2^48

struct Ring {
  uint32_t capacity;
  uint32_t begin;
  uint32_t size;
  uint32_t unused;

  Node* slots() { return reinterpret_cast<Node*>(this + 1); }
  Node& at(size_t index) {
    const size_t place = begin + index;
    return slots()[place < capacity ? place : place - capacity];
  }
  size_t allocated_bytes() const { return sizeof(Ring) + capacity * sizeof(Node); }
};

}  // namespace larder::storage::list
