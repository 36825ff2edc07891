// A parameter of an operation, as operations.json describes one; generated/operations.h holds tables of these.

#ifndef FACEPLATE_PARAMETER_H
#define FACEPLATE_PARAMETER_H

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
};

}  // namespace faceplate

#endif
