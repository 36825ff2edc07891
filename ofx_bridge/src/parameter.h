// A parameter of an operation, as operations.json describes one; generated/operations.h holds tables of these.

#ifndef FACEPLATE_PARAMETER_H
#define FACEPLATE_PARAMETER_H

#include <cstring>
#include <initializer_list>
#include <vector>

namespace faceplate {

struct Parameter {
  enum class Type { Number, Whole, Switch, Choice, Text };

  Type type;
  const char *name, *label, *hint, *page;
  double low, high, standard;  // of a Choice: indices into `choices`; of a Switch: 0 or 1
  const char* standardText;
  const char* const* choices;
  int choiceCount;
  bool choicesAreNumbers;  // the engine wants 2, not "2"

  bool isOneOf(std::initializer_list<const char*> names) const {
    for (const char* each : names) {
      if (std::strcmp(name, each) == 0) return true;
    }
    return false;
  }
};

// Of an operation's parameters those of these names, in the operation's order.
template <std::size_t Count>
std::vector<Parameter> only(std::initializer_list<const char*> names, const Parameter (&all)[Count]) {
  std::vector<Parameter> chosen;
  for (const Parameter& each : all) {
    if (each.isOneOf(names)) chosen.push_back(each);
  }
  return chosen;
}

// And all but those.
template <std::size_t Count>
std::vector<Parameter> allBut(std::initializer_list<const char*> names, const Parameter (&all)[Count]) {
  std::vector<Parameter> chosen;
  for (const Parameter& each : all) {
    if (!each.isOneOf(names)) chosen.push_back(each);
  }
  return chosen;
}

}  // namespace faceplate

#endif
