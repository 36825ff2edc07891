#include "engine.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "../generated/operations.h"
#include "errors.h"
#include "launch.h"

namespace faceplate {
namespace {

constexpr double kStarting = 10.0;   // seconds for an engine to start
constexpr double kRestart = 4.0;     // and for another, when one has died under a request
constexpr double kQuiet = 1.0;       // without a word, after which an engine that owes an answer is asked whether it lives
constexpr double kHung = 5.0;        // without a word, after which it does not
constexpr std::size_t kLongestNotes = 1024;
constexpr double kTakenBack = 0.03;  // for the answer to a CANCEL, within the time a host gives to an abort
constexpr std::uint64_t kHeartbeat = ~std::uint64_t(0);
constexpr std::size_t kMostSessions = 8;

constexpr char kEndedTwice[] =
    "The engine ended while it worked on this frame, twice. `faceplate engine logs` says more.";

// As a message may hold it: at most 64 characters, none of them odd.
std::string clientOf(const std::string& host) {
  std::string name = "ofx:";
  for (const char letter : host.substr(0, 60)) name += letter > ' ' && letter < 0x7f ? letter : '_';
  return name;
}

[[noreturn]] void hung() {
  throw Error("engine.hung",
              "The engine does not answer: nothing came for 5 s. Run `faceplate engine stop` and try again.");
}

Json named(const std::map<std::string, Plane>& planes, const std::map<std::string, int>& buffers) {
  Json found = Json::object();
  for (const auto& [name, plane] : planes) found.add(name, plane.asWords(buffers.at(name)));
  return found;
}

}  // namespace

// ---------------------------------------------------------------- connecting

void Session::connect(const Patience& patience) { connectBy(now() + kStarting, patience); }

void Session::connectBy(double until, const Patience& patience) {
  if (link_ && link_->closed()) hangUp();  // it left while nobody needed it
  while (!link_) {
    link_ = std::make_unique<Link>(reach(until, patience));
    try {
      greet(patience);
    } catch (const LinkClosed&) {
      hangUp();  // an engine that was dying, or leaving, as we came
      if (now() > until) throw;
      patience.breathe();
    } catch (...) {
      hangUp();
      throw;
    }
  }
}

// Say who is calling, and hear that the engine is of the same release.
void Session::greet(const Patience& patience) {
  link_->put(wire::Kind::Hello, 0,
             Json::object({{"protocol", wire::kProtocol},
                           {"operations", operations::kHash},
                           {"product", operations::kProduct},
                           {"client", client_}}),
             -1, patience);
  const double until = now() + kHung;
  std::optional<wire::Message> welcome;
  while (!(welcome = link_->take(kPollMilliseconds))) {
    patience.expectWanted();
    if (now() > until) hung();
  }
  if (welcome->kind == wire::Kind::Error) {
    throw Error(welcome->body.find("code")->asText(), welcome->body.find("sentence")->asText());
  }
  if (welcome->kind != wire::Kind::Welcome) throw Error("engine.wire", "The engine's first word was no welcome.");
  if (welcome->body.find("operations")->asText() != operations::kHash) {
    throw Error("engine.version", "The engine is version " + welcome->body.find("product")->asText() +
                                      " and this plug-in " + operations::kProduct +
                                      ": their operations differ. Install the same release of both, then run "
                                      "`faceplate engine stop`.");
  }
}

// The connection is over. What the engine may still write into is never used again.
void Session::hangUp() {
  link_.reset();
  shared_.clear();
  released_.clear();
}

// ---------------------------------------------------------------- memory

float* Session::hold(const std::string& name, std::size_t bytes) {
  std::unique_ptr<Buffer>& buffer = buffers_[name];
  const std::size_t size = pageRounded(bytes);
  if (!buffer || buffer->bytes() < size || buffer->bytes() > 2 * size) {
    if (buffer) released_.push_back(buffer->number());
    buffer.reset();  // before the next is made: two of them may be too much
    buffer = std::make_unique<Buffer>(++buffersMade_, size);
  }
  return buffer->pixels();
}

void Session::share(const Buffer& buffer, const Patience& patience) {
  if (std::find(shared_.begin(), shared_.end(), buffer.number()) != shared_.end()) return;
  link_->put(wire::Kind::Share, 0,
             Json::object({{"buffer", buffer.number()}, {"bytes", static_cast<std::int64_t>(buffer.bytes())}}),
             buffer.descriptor(), patience);
  shared_.push_back(buffer.number());
}

// ---------------------------------------------------------------- a request

std::string Session::perform(const Request& request, const Patience& patience) {
  double until = now() + kStarting;
  for (int attempt = 1;; ++attempt) {
    try {
      connectBy(until, patience);
      submit(request, patience);
      return await(patience);
    } catch (const LinkClosed&) {
      hangUp();
      owed_ = 0;  // an engine that hung up or died writes no more
      if (attempt == 2) throw Error("engine.gone", kEndedTwice);
      until = now() + kRestart;
    } catch (const Aborted&) {
      takeBack();
      throw;
    }
  }
}

// An effect that looks at many frames must not leave their memory to one that looks at one.
void Session::keepOnly(const Request& request) {
  for (auto held = buffers_.begin(); held != buffers_.end();) {
    const bool in = held->first.compare(0, 3, "in ") == 0;
    const std::string name = held->first.substr(in ? 3 : 4);
    if ((in ? request.inputs : request.outputs).count(name)) {
      ++held;
      continue;
    }
    released_.push_back(held->second->number());
    held = buffers_.erase(held);
  }
}

void Session::submit(const Request& request, const Patience& patience) {
  keepOnly(request);
  for (const int number : std::exchange(released_, {})) {
    const auto known = std::find(shared_.begin(), shared_.end(), number);
    if (known == shared_.end()) continue;
    link_->put(wire::Kind::Release, 0, Json::object({{"buffer", number}}), -1, patience);
    shared_.erase(known);
  }
  std::map<std::string, int> inputs, outputs;
  for (const auto& [name, plane] : request.inputs) inputs[name] = numberOf("in " + name);
  for (const auto& [name, plane] : request.outputs) outputs[name] = numberOf("out " + name);
  for (const auto& [name, number] : inputs) share(*buffers_.at("in " + name), patience);
  for (const auto& [name, number] : outputs) share(*buffers_.at("out " + name), patience);
  const Json body = Json::object({
      {"operation", request.operation},
      {"params", request.params},
      {"inputs", named(request.inputs, inputs)},
      {"outputs", named(request.outputs, outputs)},
      {"priority", request.interactive ? "interactive" : "batch"},
      {"deadline_ms", 0},
  });
  link_->put(wire::Kind::Submit, ++requests_, body, -1, patience);
  owed_ = requests_;
}

namespace {

// The notes of a reply's report, in one line; docs/wire.md says what they are.
std::string notesOf(const Json& body) {
  const Json* report = body.find("report");
  const Json* notes = report ? report->find("notes") : nullptr;
  std::string said;
  if (!notes || notes->kind() != Json::Kind::List) return said;
  for (const Json& note : notes->items()) {
    if (note.kind() != Json::Kind::Text || said.size() + note.asText().size() > kLongestNotes) continue;
    said += (said.empty() ? "" : " ") + note.asText();
  }
  return said;
}

}  // namespace

// Wait for the answer to the request that was submitted last.
std::string Session::await(const Patience& patience) {
  double heard = now(), asked = 0;
  while (true) {
    const std::optional<wire::Message> message = link_->take(kPollMilliseconds);
    patience.expectWanted();
    if (!message) {
      const double time = now();
      if (asked > heard && time - asked > kHung - kQuiet) hung();
      if (asked <= heard && time - heard > kQuiet) {
        asked = time;
        link_->put(wire::Kind::Ping, kHeartbeat, Json::object(), -1, patience);
      }
      continue;
    }
    heard = now();
    const bool ours = message->request == owed_;
    if (message->kind == wire::Kind::Error && (ours || message->request == 0)) {
      if (ours) owed_ = 0;
      throw Error(message->body.find("code")->asText(), message->body.find("sentence")->asText());
    }
    if (message->kind == wire::Kind::Result && ours) {
      owed_ = 0;
      return notesOf(message->body);
    }
  }
}

// The host has lost interest. The answer is waited for a moment: after it the engine writes no more, and connection
// and buffers may be used again. A connection over which nothing is owed was left in the middle of a word.
void Session::takeBack() {
  if (owed_ == 0) return hangUp();
  const Patience patient([] { return false; });
  try {
    const double until = now() + kTakenBack;
    link_->put(wire::Kind::Cancel, owed_, Json::object(), -1, patient);
    while (now() < until) {
      const std::optional<wire::Message> message = link_->take(kPollMilliseconds);
      const bool answered = message && message->request == owed_ &&
                            (message->kind == wire::Kind::Result || message->kind == wire::Kind::Error);
      if (answered) {
        owed_ = 0;
        return;
      }
    }
  } catch (const Error&) {  // whatever is wrong with a connection that is given up anyway
  }
  hangUp();
}

// ---------------------------------------------------------------- sessions between renders

namespace {

std::mutex sessions_lock;
std::vector<std::unique_ptr<Session>> idle_sessions;
std::size_t sessions_in_use = 0;

// An idle session, or a new one; nothing while too many are in use.
std::unique_ptr<Session> sessionNow(const std::string& host) {
  const std::lock_guard<std::mutex> held(sessions_lock);
  if (sessions_in_use >= kMostSessions) return nullptr;
  std::unique_ptr<Session> found;
  if (idle_sessions.empty()) {
    found = std::make_unique<Session>(clientOf(host));
  } else {
    found = std::move(idle_sessions.back());
    idle_sessions.pop_back();
  }
  ++sessions_in_use;
  return found;
}

}  // namespace

Lease::Lease(const std::string& host, const Patience& patience) {
  while (!(session_ = sessionNow(host))) patience.breathe();
}

Lease::~Lease() {
  const std::lock_guard<std::mutex> held(sessions_lock);
  --sessions_in_use;
  if (session_->reusable()) idle_sessions.push_back(std::move(session_));
}

void closeIdleSessions() {
  std::vector<std::unique_ptr<Session>> closing;
  {
    const std::lock_guard<std::mutex> held(sessions_lock);
    closing.swap(idle_sessions);
  }
  closing.clear();
  buryEngines();
}

}  // namespace faceplate
