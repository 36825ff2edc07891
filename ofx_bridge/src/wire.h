// Messages between a host and the engine: framing, versions, and what a body may hold. The contract is docs/wire.md.
//
// A message that is not exactly as that page says raises Error ("engine.wire", or "engine.version" when the other end
// speaks another version), and whoever reads it drops the connection. Nothing in a message is ever executed.

#ifndef FACEPLATE_WIRE_H
#define FACEPLATE_WIRE_H

#include <cstdint>
#include <string>
#include <string_view>

#include "json.h"

namespace faceplate::wire {

inline constexpr int kProtocol = 1;
inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kLargestBody = 1 << 20;
inline constexpr std::int64_t kLongestSide = 1 << 16;
inline constexpr std::int64_t kFarthest = 1 << 24;  // that a window's corner may lie from where coordinates start

enum class Kind : std::uint16_t {
  Hello = 1, Welcome, Share, Release, Submit, Progress, Result, Error, Cancel, Ping, Pong, Status, StatusReply, Shutdown
};

// "hello", "status_reply": what the golden messages call a kind.
const char* nameOf(Kind kind);

// What precedes a body. `request` 0 means the connection itself. `checksum`: of header and body, CRC-32.
struct Header {
  Kind kind;
  std::uint64_t request;
  std::uint32_t bodyBytes;
  int descriptors;
  std::uint32_t checksum;
};

struct Message {
  Kind kind;
  std::uint64_t request;
  Json body;
  int descriptors = 0;
};

// A message's bytes. `descriptors`: how many travel with it.
std::string encode(Kind kind, std::uint64_t request, const Json& body, int descriptors = 0);

// The first kHeaderBytes of a message, checked as far as they can be without the body.
Header readHeader(std::string_view bytes);

// A whole message from its header's bytes and its body's.
Message readBody(std::string_view headerBytes, std::string_view bodyBytes);

}  // namespace faceplate::wire

#endif
