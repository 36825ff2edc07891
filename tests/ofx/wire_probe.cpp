// Reads and writes messages with the plug-in's own code, one a line, so that a test can compare them with the golden ones.
//
//   read HEX                        -> ok KIND REQUEST DESCRIPTORS JSON   or   refused CODE
//   write KIND REQUEST DESCRIPTORS JSON   -> ok HEX                       or   refused CODE

#include <iostream>
#include <sstream>
#include <string>

#include "errors.h"
#include "wire.h"

using namespace faceplate;

static std::string bytesOf(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

static std::string hexOf(const std::string& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += digits[static_cast<unsigned char>(byte) >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

static std::string read(std::istream& words) {
  std::string hex;
  words >> hex;
  const std::string bytes = bytesOf(hex);
  const wire::Message message = wire::readBody(bytes.substr(0, wire::kHeaderBytes),
                                               bytes.size() < wire::kHeaderBytes ? "" : bytes.substr(wire::kHeaderBytes));
  return std::string(wire::nameOf(message.kind)) + " " + std::to_string(message.request) + " " +
         std::to_string(message.descriptors) + " " + message.body.write();
}

static std::string write(std::istream& words) {
  int kind = 0, descriptors = 0;
  std::uint64_t request = 0;
  words >> kind >> request >> descriptors >> std::ws;
  std::string text;
  std::getline(words, text);
  return hexOf(wire::encode(static_cast<wire::Kind>(kind), request, Json::read(text), descriptors));
}

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    try {
      const std::string answer = verb == "read" ? read(words) : write(words);
      std::cout << "ok " << answer << std::endl;
    } catch (const Error& error) {
      std::cout << "refused " << error.code() << std::endl;
    }
  }
}
