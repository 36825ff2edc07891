#include "wire.h"

#include <array>
#include <cmath>
#include <cstring>

#include "errors.h"

namespace faceplate::wire {
namespace {

constexpr std::size_t kChecksumAt = 24;
constexpr char kMagic[] = "FPWR";
constexpr int kKinds = 14;
constexpr int kDeepest = 8;
constexpr double kMostExact = 9007199254740992.0;  // 2^53: a setting's size stays below it

[[noreturn]] void refuse(const std::string& sentence) { throw faceplate::Error("engine.wire", sentence); }

// ---------------------------------------------------------------- bytes

// CRC-32 of IEEE 802.3, as zlib's crc32.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t place = 0; place < made.size(); ++place) {
      std::uint32_t value = place;
      for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
      made[place] = value;
    }
    return made;
  }();
  std::uint32_t sum = ~before;
  for (const char byte : bytes) sum = table[(sum ^ static_cast<unsigned char>(byte)) & 255] ^ (sum >> 8);
  return ~sum;
}

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int place = 0; place < bytes; ++place) out += static_cast<char>(value >> (8 * place) & 255);
}

std::uint64_t get(std::string_view bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int place = count - 1; place >= 0; --place) value = value << 8 | static_cast<unsigned char>(bytes[at + place]);
  return value;
}

std::string headerOf(Kind kind, std::uint64_t request, std::size_t bodyBytes, int descriptors, std::uint32_t checksum) {
  std::string out(kMagic, 4);
  put(out, kProtocol, 2);
  put(out, static_cast<std::uint16_t>(kind), 2);
  put(out, request, 8);
  put(out, bodyBytes, 4);
  put(out, 0, 2);
  put(out, static_cast<std::uint64_t>(descriptors), 2);
  put(out, checksum, 4);
  put(out, 0, 4);
  return out;
}

// ---------------------------------------------------------------- what a body may hold

bool isWhole(const Json& value, std::int64_t low, std::int64_t high) {
  return value.kind() == Json::Kind::Whole && low <= value.asWhole() && value.asWhole() <= high;
}

bool isNumber(const Json& value, double low, double high) {
  return value.isNumber() && low <= value.asReal() && value.asReal() <= high;
}

std::size_t lettersOf(const std::string& text) {
  std::size_t count = 0;
  for (const char byte : text) count += (byte & 0xc0) != 0x80;
  return count;
}

bool isPrintable(const std::string& text) {
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

bool isText(const Json& value, std::size_t longest) {
  return value.kind() == Json::Kind::Text && lettersOf(value.asText()) <= longest && isPrintable(value.asText());
}

// Text of at least one of the letters a-z, A-Z and 0-9 as asked for, and `others`.
bool isMadeOf(const Json& value, std::size_t longest, bool lower, bool upper, bool digits, const char* others) {
  if (!isText(value, longest) || value.asText().empty()) return false;
  for (const char letter : value.asText()) {
    const bool fits = (lower && 'a' <= letter && letter <= 'z') || (upper && 'A' <= letter && letter <= 'Z') ||
                      (digits && '0' <= letter && letter <= '9') || std::strchr(others, letter);
    if (!fits) return false;
  }
  return true;
}

bool beginsLower(const std::string& text) { return !text.empty() && 'a' <= text[0] && text[0] <= 'z'; }

// [a-z][a-z0-9_ and others]*
bool isName(const Json& value, const char* others) {
  return isMadeOf(value, 64, true, false, true, others) && beginsLower(value.asText());
}

// [a-z][a-z0-9_]*(\.[a-z0-9_]+)*
bool isCode(const Json& value) {
  if (!isName(value, "_.")) return false;
  const std::string& text = value.asText();
  return text.back() != '.' && text.find("..") == text.npos;
}

bool isHash(const Json& value) {
  if (value.kind() != Json::Kind::Text || value.asText().size() != 64) return false;
  return value.asText().find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool isOneOf(const Json& value, std::initializer_list<const char*> words) {
  if (value.kind() != Json::Kind::Text) return false;
  for (const char* word : words) {
    if (value.asText() == word) return true;
  }
  return false;
}

bool isWindow(const Json& value) {
  if (value.kind() != Json::Kind::List || value.items().size() != 4) return false;
  for (const Json& corner : value.items()) {
    if (!isWhole(corner, -kFarthest, kFarthest)) return false;
  }
  const auto side = [&](int low, int high) { return value.items()[high].asWhole() - value.items()[low].asWhole(); };
  return side(0, 2) > 0 && side(0, 2) <= kLongestSide && side(1, 3) > 0 && side(1, 3) <= kLongestSide;
}

bool isSetting(const Json& value) {
  if (value.kind() == Json::Kind::Text) return isText(value, 1024);
  if (value.isNumber()) return std::fabs(value.asReal()) < kMostExact;
  return value.kind() == Json::Kind::Bool;
}

// Values of any shape, for people and reports; a depth of 0 is one too many.
bool isPlain(const Json& value, int depth = kDeepest) {
  for (const Json& item : value.items()) {
    if (!isPlain(item, depth - 1)) return false;
  }
  for (const Json::Field& field : value.fields()) {
    if (!isPlain(field.second, depth - 1)) return false;
  }
  const bool nests = value.kind() == Json::Kind::List || value.kind() == Json::Kind::Object;
  return (!nests || depth > 0) && (value.kind() != Json::Kind::Real || std::isfinite(value.asReal()));
}

bool isReport(const Json& value) { return value.kind() == Json::Kind::Object && isPlain(value); }

// An object with exactly these fields, each of which `fits` accepts.
struct Rule {
  const char* name;
  bool (*fits)(const Json& value);
};

void expectFields(const std::string& place, const Json& value, std::initializer_list<Rule> rules) {
  bool whole = value.kind() == Json::Kind::Object && value.fields().size() == rules.size();
  for (const Rule& rule : rules) whole = whole && value.find(rule.name);
  if (!whole) refuse("In a message, " + place + " does not have exactly the fields it should have.");
  for (const Rule& rule : rules) {
    if (!rule.fits(*value.find(rule.name))) refuse("In a message, " + place + "." + rule.name + " is not as it may be.");
  }
}

// An object whose names are free.
template <typename Check>
void expectNamed(const std::string& place, const Json& value, std::size_t most, Check each) {
  if (value.kind() != Json::Kind::Object || value.fields().size() > most) {
    refuse("In a message, " + place + " should be an object of at most " + std::to_string(most) + " fields.");
  }
  for (const Json::Field& field : value.fields()) {
    if (!isName(Json(field.first), "_+.-")) refuse("In a message, a name in " + place + " is not as it may be.");
    each(field.second);
  }
}

bool isBuffer(const Json& value) { return isWhole(value, 1, 2147483647); }
bool isProtocol(const Json& value) { return isWhole(value, 1, 65535); }
bool isProduct(const Json& value) { return isMadeOf(value, 64, true, true, true, "+.-"); }
bool isAnything(const Json&) { return true; }

void expectPlane(const Json& value) {
  expectFields("a plane", value, {
    {"buffer", isBuffer},
    {"offset", [](const Json& held) { return isWhole(held, 0, std::int64_t(1) << 40); }},
    {"row_bytes", [](const Json& held) { return isWhole(held, 4, 1 << 24); }},
    {"channels", [](const Json& held) { return isOneOf(held, {"RGBA", "RGB", "A"}); }},
    {"dtype", [](const Json& held) { return isOneOf(held, {"float32"}); }},
    {"data_window", isWindow},
    {"display_window", isWindow},
    {"colourspace", [](const Json& held) { return isText(held, 128); }},
    {"alpha", [](const Json& held) { return isOneOf(held, {"none", "straight", "premultiplied"}); }},
    {"frame", [](const Json& held) { return isWhole(held, -2147483648LL, 2147483647LL); }},
  });
}

void expectSubmit(const Json& body) {
  expectFields("submit", body, {
    {"operation", [](const Json& held) { return isName(held, "_."); }},
    {"params", isAnything},
    {"inputs", isAnything},
    {"outputs", isAnything},
    {"priority", [](const Json& held) { return isOneOf(held, {"interactive", "batch"}); }},
    {"deadline_ms", [](const Json& held) { return isWhole(held, 0, 86400000); }},
  });
  expectNamed("submit.params", *body.find("params"), 64, [](const Json& held) {
    if (!isSetting(held)) refuse("In a message, a parameter should be a number, true, false or text.");
  });
  expectNamed("submit.inputs", *body.find("inputs"), 64, expectPlane);
  expectNamed("submit.outputs", *body.find("outputs"), 16, expectPlane);
}

void expectBody(Kind kind, const Json& body) {
  const std::string place = nameOf(kind);
  switch (kind) {
    case Kind::Hello:
      return expectFields(place, body, {
        {"client", [](const Json& held) { return isText(held, 64); }},
        {"protocol", isProtocol}, {"operations", isHash}, {"product", isProduct},
      });
    case Kind::Welcome:
      return expectFields(place, body, {
        {"pid", isBuffer}, {"protocol", isProtocol}, {"operations", isHash}, {"product", isProduct},
      });
    case Kind::Share:
      return expectFields(place, body, {
        {"buffer", isBuffer}, {"bytes", [](const Json& held) { return isWhole(held, 4, std::int64_t(1) << 40); }},
      });
    case Kind::Release: return expectFields(place, body, {{"buffer", isBuffer}});
    case Kind::Submit: return expectSubmit(body);
    case Kind::Progress:
      return expectFields(place, body, {
        {"stage", [](const Json& held) { return isText(held, 64); }},
        {"done", [](const Json& held) { return isNumber(held, 0, 1); }},
      });
    case Kind::Result:
      return expectFields(place, body, {
        {"report", isReport}, {"seconds", [](const Json& held) { return isNumber(held, 0, 1e9); }},
      });
    case Kind::Error:
      return expectFields(place, body, {
        {"code", isCode}, {"sentence", [](const Json& held) { return isText(held, 4096); }},
      });
    case Kind::StatusReply: return expectFields(place, body, {{"engine", isReport}});
    case Kind::Cancel: case Kind::Ping: case Kind::Pong: case Kind::Status: case Kind::Shutdown:
      return expectFields(place, body, {});
  }
}

// Kinds whose request is never 0; the others concern the connection and carry 0, an ERROR may be either.
bool belongsToRequest(Kind kind) {
  switch (kind) {
    case Kind::Submit: case Kind::Progress: case Kind::Result: case Kind::Cancel: case Kind::Ping: case Kind::Pong:
    case Kind::Status: case Kind::StatusReply:
      return true;
    default:
      return false;
  }
}

int descriptorsOf(Kind kind) { return kind == Kind::Share ? 1 : 0; }

void expectMessage(Kind kind, std::uint64_t request, const Json& body, int descriptors) {
  if (kind != Kind::Error && (request > 0) != belongsToRequest(kind)) {
    refuse(std::string(nameOf(kind)) + " cannot belong to request " + std::to_string(request) + ".");
  }
  if (descriptors != descriptorsOf(kind)) refuse(std::string(nameOf(kind)) + " came with a wrong number of descriptors.");
  expectBody(kind, body);
}

}  // namespace

const char* nameOf(Kind kind) {
  static const char* const names[kKinds + 1] = {
      "", "hello", "welcome", "share", "release", "submit", "progress", "result",
      "error", "cancel", "ping", "pong", "status", "status_reply", "shutdown"};
  return names[static_cast<int>(kind)];
}

std::string encode(Kind kind, std::uint64_t request, const Json& body, int descriptors) {
  expectMessage(kind, request, body, descriptors);
  const std::string text = body.write();
  if (text.size() > kLargestBody) refuse("A message of " + std::to_string(text.size()) + " bytes is over the limit.");
  const std::string bare = headerOf(kind, request, text.size(), descriptors, 0);
  return headerOf(kind, request, text.size(), descriptors, crc32(text, crc32(bare))) + text;
}

Header readHeader(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != std::string_view(kMagic, 4)) {
    refuse("What arrived is no message of Faceplate's.");
  }
  const std::uint64_t protocol = get(bytes, 4, 2), number = get(bytes, 6, 2);
  if (protocol != kProtocol) {
    throw faceplate::Error("engine.version",
                           "This plug-in speaks version " + std::to_string(kProtocol) +
                               " of Faceplate's protocol, the engine version " + std::to_string(protocol) +
                               ". Install the same release of Faceplate for the host and the engine, then run "
                               "`faceplate engine stop`.");
  }
  if (get(bytes, 20, 2) != 0 || get(bytes, 28, 4) != 0) refuse("A message has flags set that this version does not know.");
  if (number < 1 || number > kKinds) refuse("There is no message of kind " + std::to_string(number) + ".");
  const Header header = {static_cast<Kind>(number), get(bytes, 8, 8), static_cast<std::uint32_t>(get(bytes, 16, 4)),
                         static_cast<int>(get(bytes, 22, 2)), static_cast<std::uint32_t>(get(bytes, 24, 4))};
  if (header.bodyBytes > kLargestBody) {
    refuse("A message of " + std::to_string(header.bodyBytes) + " bytes is over the limit.");
  }
  if (header.descriptors != descriptorsOf(header.kind)) {
    refuse(std::string(nameOf(header.kind)) + " came with a wrong number of descriptors.");
  }
  return header;
}

Message readBody(std::string_view headerBytes, std::string_view bodyBytes) {
  const Header header = readHeader(headerBytes);
  std::string bare(headerBytes.substr(0, kHeaderBytes));
  bare.replace(kChecksumAt, 4, 4, '\0');
  if (bodyBytes.size() != header.bodyBytes || crc32(bodyBytes, crc32(bare)) != header.checksum) {
    refuse("A message was damaged on its way: its checksum does not fit.");
  }
  Message message = {header.kind, header.request, Json::read(bodyBytes), header.descriptors};
  expectMessage(message.kind, message.request, message.body, message.descriptors);
  return message;
}

}  // namespace faceplate::wire
