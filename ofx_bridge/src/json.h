// JSON of the strict kind that docs/wire.md asks for: UTF-8, no name twice, no NaN, no half of a surrogate pair.
//
// Numbers are read and written without regard to the locale: a host may have set a decimal comma.

#ifndef FACEPLATE_JSON_H
#define FACEPLATE_JSON_H

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faceplate {

class Json {
 public:
  enum class Kind { Null, Bool, Whole, Real, Text, List, Object };
  using Field = std::pair<std::string, Json>;

  Json() = default;
  Json(bool value) : kind_(Kind::Bool), whole_(value) {}
  Json(int value) : kind_(Kind::Whole), whole_(value) {}
  Json(std::int64_t value) : kind_(Kind::Whole), whole_(value) {}
  Json(double value) : kind_(Kind::Real), real_(value) {}
  Json(std::string value) : kind_(Kind::Text), text_(std::move(value)) {}
  Json(const char* value) : Json(std::string(value)) {}

  static Json list(std::vector<Json> items);
  static Json object(std::vector<Field> fields = {});

  Kind kind() const { return kind_; }
  bool isNumber() const { return kind_ == Kind::Whole || kind_ == Kind::Real; }

  // Each of these means something only where the kind is right.
  bool asBool() const { return whole_ != 0; }
  std::int64_t asWhole() const { return whole_; }
  double asReal() const { return kind_ == Kind::Whole ? static_cast<double>(whole_) : real_; }
  const std::string& asText() const { return text_; }
  const std::vector<Json>& items() const { return items_; }
  const std::vector<Field>& fields() const { return fields_; }

  // The field of that name; null when there is none.
  const Json* find(std::string_view name) const;
  void add(std::string name, Json value);

  // Without blanks, names in the order they were added, text as UTF-8 beyond ASCII.
  std::string write() const;

  // Raises Error "engine.wire". A whole number without fraction or exponent is Whole; one that int64 cannot hold Real.
  static Json read(std::string_view text);

 private:
  Kind kind_ = Kind::Null;
  std::int64_t whole_ = 0;
  double real_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Field> fields_;
};

}  // namespace faceplate

#endif
