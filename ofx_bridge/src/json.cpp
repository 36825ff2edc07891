#include "json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "errors.h"

namespace faceplate {
namespace {

constexpr int kDeepest = 16;  // docs/wire.md allows 9 at most; this only keeps the stack safe

[[noreturn]] void refuse(const char* why) {
  throw Error("engine.wire", std::string("A message's body is no JSON that Faceplate reads: ") + why + ".");
}

// One pass over a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json whole() {
    Json value = any(0);
    blanks();
    if (at_ != text_.size()) refuse("something follows it");
    return value;
  }

 private:
  Json any(int depth) {
    blanks();
    switch (peek()) {
      case '{': return object(depth);
      case '[': return list(depth);
      case '"': return Json(text());
      case 't': return word("true", Json(true));
      case 'f': return word("false", Json(false));
      case 'n': return word("null", Json());
      default: return number();
    }
  }

  Json object(int depth) {
    if (depth >= kDeepest) refuse("it is nested too deep");
    std::vector<Json::Field> fields;
    ++at_;
    blanks();
    if (peek() == '}') return ++at_, Json::object();
    do {
      blanks();
      if (peek() != '"') refuse("a name is missing");
      std::string name = text();
      blanks();
      expect(':');
      fields.emplace_back(std::move(name), any(depth + 1));
      blanks();
    } while (taken(','));
    expect('}');
    expectNamesOnce(fields);
    return Json::object(std::move(fields));
  }

  Json list(int depth) {
    if (depth >= kDeepest) refuse("it is nested too deep");
    std::vector<Json> items;
    ++at_;
    blanks();
    if (peek() == ']') return ++at_, Json::list({});
    do {
      items.push_back(any(depth + 1));
      blanks();
    } while (taken(','));
    expect(']');
    return Json::list(std::move(items));
  }

  static void expectNamesOnce(const std::vector<Json::Field>& fields) {
    std::vector<std::string_view> names;
    for (const Json::Field& field : fields) names.push_back(field.first);
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) refuse("a name appears twice");
  }

  Json word(std::string_view spelt, Json value) {
    if (text_.substr(at_, spelt.size()) != spelt) refuse("a word is not known");
    at_ += spelt.size();
    return value;
  }

  Json number() {
    const std::size_t begin = at_;
    taken('-');
    if (peek() == '0') {
      ++at_;
    } else {
      digits();
    }
    bool whole = true;
    if (taken('.')) whole = false, digits();
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    const std::string_view spelt = text_.substr(begin, at_ - begin);
    std::int64_t value = 0;
    if (whole && std::from_chars(spelt.begin(), spelt.end(), value).ec == std::errc()) return Json(value);
    return Json(real(spelt));
  }

  static double real(std::string_view spelt) {
    double value = 0;
    if (std::from_chars(spelt.begin(), spelt.end(), value).ec == std::errc()) {
      if (!std::isfinite(value)) refuse("a number is too large");
      return value;
    }
    // Out of range is said of both ends; what is too small is 0.
    const bool tiny = spelt.find("e-") != spelt.npos || spelt.find("E-") != spelt.npos ||
                      spelt.substr(spelt[0] == '-', 2) == "0.";
    if (!tiny) refuse("a number is too large");
    return 0;
  }

  void digits() {
    if (peek() < '0' || peek() > '9') refuse("a number is not finished");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  std::string text() {
    std::string found;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) refuse("a text does not end");
      const unsigned char next = static_cast<unsigned char>(text_[at_]);
      if (next == '"') return ++at_, found;
      if (next < 0x20) refuse("a text has a control character in it");
      if (next == '\\') {
        escape(found);
      } else {
        letter(found);
      }
    }
  }

  void escape(std::string& found) {
    ++at_;
    const char which = peek();
    ++at_;
    switch (which) {
      case '"': case '\\': case '/': found += which; return;
      case 'b': found += '\b'; return;
      case 'f': found += '\f'; return;
      case 'n': found += '\n'; return;
      case 'r': found += '\r'; return;
      case 't': found += '\t'; return;
      case 'u': append(found, codePoint()); return;
      default: refuse("an escape is not known");
    }
  }

  std::uint32_t codePoint() {
    const std::uint32_t first = fourDigits();
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first > 0xdbff || !taken('\\') || !taken('u')) refuse("half of a surrogate pair is missing");
    const std::uint32_t second = fourDigits();
    if (second < 0xdc00 || second > 0xdfff) refuse("half of a surrogate pair is missing");
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t fourDigits() {
    std::uint32_t value = 0;
    const std::string_view spelt = text_.substr(std::min(at_, text_.size()), 4);
    const auto read = std::from_chars(spelt.begin(), spelt.end(), value, 16);
    if (spelt.size() != 4 || read.ec != std::errc() || read.ptr != spelt.end()) refuse("an escape is not finished");
    at_ += 4;
    return value;
  }

  // One character as it stands, of well-formed UTF-8: the shortest form, no surrogates, up to U+10FFFF.
  void letter(std::string& found) {
    const unsigned char lead = static_cast<unsigned char>(text_[at_]);
    if (lead < 0x80) return found += text_[at_++], void();
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || at_ + more >= text_.size()) refuse("it is not UTF-8");
    std::uint32_t point = lead & (0x3f >> more);
    for (int step = 1; step <= more; ++step) {
      const unsigned char next = static_cast<unsigned char>(text_[at_ + step]);
      if ((next & 0xc0) != 0x80) refuse("it is not UTF-8");
      point = point << 6 | (next & 0x3f);
    }
    const std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) refuse("it is not UTF-8");
    found.append(text_.substr(at_, more + 1));
    at_ += more + 1;
  }

  static void append(std::string& found, std::uint32_t point) {
    const int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    found += static_cast<char>(leads[more] | (point >> (6 * more)));
    for (int step = more - 1; step >= 0; --step) found += static_cast<char>(0x80 | ((point >> (6 * step)) & 0x3f));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool taken(char wanted) {
    const bool here = at_ < text_.size() && text_[at_] == wanted;
    at_ += here;
    return here;
  }

  void expect(char wanted) {
    if (!taken(wanted)) refuse("a bracket, comma or colon is missing");
  }

  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void writeText(const std::string& text, std::string& out) {
  static const char digits[] = "0123456789abcdef";
  out += '"';
  for (const char letter : text) {
    const unsigned char code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += '\\';
      out += letter;
    } else if (code < 0x20) {
      out += "\\u00";
      out += digits[code >> 4];
      out += digits[code & 15];
    } else {
      out += letter;
    }
  }
  out += '"';
}

template <typename Number>
void writeNumber(Number value, std::string& out) {
  char spelt[40];
  const auto end = std::to_chars(spelt, spelt + sizeof spelt, value).ptr;
  out.append(spelt, end);
}

void writeReal(double value, std::string& out) {
  const std::size_t begin = out.size();
  writeNumber(value, out);
  // A number that happens to be whole stays a real one for whoever reads it.
  if (out.find_first_of(".e", begin) == out.npos) out += ".0";
}

void writeAny(const Json& value, std::string& out) {
  const char* between = "";
  switch (value.kind()) {
    case Json::Kind::Null: out += "null"; return;
    case Json::Kind::Bool: out += value.asBool() ? "true" : "false"; return;
    case Json::Kind::Whole: writeNumber(value.asWhole(), out); return;
    case Json::Kind::Real: writeReal(value.asReal(), out); return;
    case Json::Kind::Text: writeText(value.asText(), out); return;
    case Json::Kind::List:
      out += '[';
      for (const Json& item : value.items()) {
        out += between;
        writeAny(item, out);
        between = ",";
      }
      out += ']';
      return;
    case Json::Kind::Object:
      out += '{';
      for (const Json::Field& field : value.fields()) {
        out += between;
        writeText(field.first, out);
        out += ':';
        writeAny(field.second, out);
        between = ",";
      }
      out += '}';
      return;
  }
}

}  // namespace

Json Json::list(std::vector<Json> items) {
  Json made;
  made.kind_ = Kind::List;
  made.items_ = std::move(items);
  return made;
}

Json Json::object(std::vector<Field> fields) {
  Json made;
  made.kind_ = Kind::Object;
  made.fields_ = std::move(fields);
  return made;
}

const Json* Json::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (field.first == name) return &field.second;
  }
  return nullptr;
}

void Json::add(std::string name, Json value) { fields_.emplace_back(std::move(name), std::move(value)); }

std::string Json::write() const {
  std::string out;
  writeAny(*this, out);
  return out;
}

Json Json::read(std::string_view text) { return Reader(text).whole(); }

}  // namespace faceplate
