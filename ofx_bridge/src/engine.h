// The engine as an effect sees it: one frame's request in, its answer out, whatever becomes of the engine meanwhile.

#ifndef FACEPLATE_ENGINE_H
#define FACEPLATE_ENGINE_H

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine_link.h"
#include "patience.h"
#include "plane.h"

namespace faceplate {

// One frame's work. `params`: only those that were set by hand.
struct Request {
  std::string operation;
  Json params = Json::object();
  std::map<std::string, Plane> inputs, outputs;
  bool interactive = true;
};

// A connection and the buffers that belong to it, for one render at a time. Kept between renders, so that neither is
// made anew for every frame.
class Session {
 public:
  // `client`: who is calling, for the engine's log.
  explicit Session(std::string client) : client_(std::move(client)) {}

  // Connect, and start the engine if there is none. Raises Error or Aborted.
  void connect(const Patience& patience);

  // Memory for a plane of a request: "in plate", "out matte". What it holds, it holds until the next `hold` of that
  // name, or a request without it. Raises Error "engine.memory".
  float* hold(const std::string& name, std::size_t bytes);

  // Do a request whose planes were held as "in NAME" and "out NAME", and wait for it. An engine that dies meanwhile
  // is started again and asked once more. Returns what the artist should know of how it was done, mostly nothing. Raises
  // Error, with the engine's sentence if it gave one, or Aborted.
  std::string perform(const Request& request, const Patience& patience);

  // Whether somebody else may use it: false once the engine may still be writing into its buffers.
  bool reusable() const { return owed_ == 0; }

 private:
  void connectBy(double until, const Patience& patience);
  void greet(const Patience& patience);
  void keepOnly(const Request& request);
  void submit(const Request& request, const Patience& patience);
  std::string await(const Patience& patience);
  void takeBack();
  void share(const Buffer& buffer, const Patience& patience);
  void hangUp();
  int numberOf(const std::string& name) const { return buffers_.at(name)->number(); }

  const std::string client_;
  std::unique_ptr<Link> link_;
  std::map<std::string, std::unique_ptr<Buffer>> buffers_;
  std::vector<int> shared_, released_;
  int buffersMade_ = 0;
  std::uint64_t requests_ = 0, owed_ = 0;  // owed_: the request whose answer has not come, 0 for none
};

// A session, given back when this goes.
class Lease {
 public:
  // Waits while all are in use. `host`: whom a new session calls for. Raises Aborted.
  Lease(const std::string& host, const Patience& patience);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Session* operator->() const { return session_.get(); }

 private:
  std::unique_ptr<Session> session_;
};

// Hang up all sessions that are not in use and give their memory back.
void closeIdleSessions();

}  // namespace faceplate

#endif
