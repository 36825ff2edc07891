// One end of a connection to the engine: whole messages in and out of a socket that never blocks.

#ifndef FACEPLATE_ENGINE_LINK_H
#define FACEPLATE_ENGINE_LINK_H

#include <optional>
#include <string>

#include "patience.h"
#include "wire.h"

namespace faceplate {

// Not for two threads at once. What breaks docs/wire.md raises Error "engine.wire"; the other end's end LinkClosed.
class Link {
 public:
  explicit Link(int socket) : socket_(socket) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Send a message, with a file descriptor that stays the caller's, or with -1 for none. Raises Aborted while waiting
  // for a socket that is full, and LinkClosed when it stays so for five seconds.
  void put(wire::Kind kind, std::uint64_t request, const Json& body, int descriptor, const Patience& patience);

  // The next message, or nothing when none is whole after so many milliseconds.
  std::optional<wire::Message> take(int milliseconds);

  // Whether the other end has hung up, as far as can be seen without reading a message.
  bool closed() const;

 private:
  bool read();
  ssize_t receive(char* into, std::size_t most);
  bool ready(short events, int milliseconds) const;

  int socket_;
  std::string head_, body_;
};

}  // namespace faceplate

#endif
