#include "engine_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace faceplate {
namespace {

constexpr double kStoppedReading = 5.0;

[[noreturn]] void broken(int reason) {
  throw LinkClosed(std::string("The connection to the engine broke: ") + std::strerror(reason) + ".");
}

bool again(int reason) { return reason == EAGAIN || reason == EWOULDBLOCK || reason == EINTR; }

// One sendmsg; the descriptor goes with the first byte. Gives the bytes taken, 0 when the socket is full.
std::size_t sent(int socket, const char* bytes, std::size_t count, int descriptor) {
  iovec part = {const_cast<char*>(bytes), count};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  const ssize_t taken = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken < 0 && !again(errno)) broken(errno);
  return taken < 0 ? 0 : static_cast<std::size_t>(taken);
}

// Close whatever descriptors came along; true when there were any. The engine has none to send.
bool closeDescriptors(msghdr& message) {
  bool any = message.msg_flags & MSG_CTRUNC;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + at, sizeof descriptor);
      close(descriptor);
      any = true;
    }
  }
  return any;
}

}  // namespace

Link::~Link() { close(socket_); }

void Link::put(wire::Kind kind, std::uint64_t request, const Json& body, int descriptor, const Patience& patience) {
  const std::string bytes = wire::encode(kind, request, body, descriptor < 0 ? 0 : 1);
  const double until = now() + kStoppedReading;
  std::size_t done = 0;
  while (done < bytes.size()) {
    done += sent(socket_, bytes.data() + done, bytes.size() - done, done == 0 ? descriptor : -1);
    if (done == bytes.size() || ready(POLLOUT, kPollMilliseconds)) continue;
    // Half a message cannot be taken back: whoever is interrupted here must drop the connection.
    patience.expectWanted();
    if (now() > until) throw LinkClosed("The engine has stopped reading.");
  }
}

std::optional<wire::Message> Link::take(int milliseconds) {
  if (!read() && !(ready(POLLIN, milliseconds) && read())) return std::nullopt;
  wire::Message message = wire::readBody(head_, body_);
  head_.clear();
  body_.clear();
  return message;
}

// Read on; true when a message is whole.
bool Link::read() {
  char bytes[1 << 14];
  while (head_.size() < wire::kHeaderBytes) {
    // Not a byte beyond the header: descriptors belong to the message whose header they came with.
    const ssize_t got = receive(bytes, wire::kHeaderBytes - head_.size());
    if (got < 0) return false;
    head_.append(bytes, static_cast<std::size_t>(got));
  }
  const std::size_t whole = wire::readHeader(head_).bodyBytes;
  while (body_.size() < whole) {
    const ssize_t got = receive(bytes, std::min(sizeof bytes, whole - body_.size()));
    if (got < 0) return false;
    body_.append(bytes, static_cast<std::size_t>(got));
  }
  return true;
}

// What has arrived; -1 when nothing has.
ssize_t Link::receive(char* into, std::size_t most) {
  iovec part = {into, most};
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(socket_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && again(errno)) return -1;
  if (got < 0) broken(errno);
  if (closeDescriptors(message)) throw Error("engine.wire", "The engine sent a file descriptor that nobody asked for.");
  if (got == 0) throw LinkClosed("The engine closed the connection.");
  return got;
}

bool Link::closed() const {
  char byte;
  const ssize_t got = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && !again(errno));
}

bool Link::ready(short events, int milliseconds) const {
  pollfd waiting = {socket_, events, 0};
  return poll(&waiting, 1, milliseconds) > 0;
}

}  // namespace faceplate
