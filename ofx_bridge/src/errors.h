// What went wrong, as a sentence for the artist and a code for machines. The codes are those of docs/commands.md.

#ifndef FACEPLATE_ERRORS_H
#define FACEPLATE_ERRORS_H

#include <exception>
#include <string>
#include <utility>

namespace faceplate {

class Error : public std::exception {
 public:
  Error(std::string code, std::string sentence) : code_(std::move(code)), sentence_(std::move(sentence)) {}

  const std::string& code() const { return code_; }
  const std::string& sentence() const { return sentence_; }
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string code_, sentence_;
};

// The other end of the connection is gone: it hung up, or died. The only error after which a request may be repeated.
class LinkClosed : public Error {
 public:
  explicit LinkClosed(std::string sentence) : Error("engine.gone", std::move(sentence)) {}
};

// The host no longer wants the picture. Not an error to be shown to anybody.
class Aborted : public std::exception {
 public:
  const char* what() const noexcept override { return "the host no longer wants this picture"; }
};

}  // namespace faceplate

#endif
