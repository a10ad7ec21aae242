#include "refx_toml.h"

// What is refused is said by a result, as everywhere in this project.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 32
// An assertion would end the process.
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int most_levels = 32;

/// Where keys are joined by more dots than a tree of tables may be deep: the library makes a table for each,
/// and walks down them on the stack. Strings and comments are stepped over.
struct deep_key {
  bool found = false;
  unsigned line = 1, column = 1;

  explicit deep_key(const char *text, size_t count) {
    size_t i = 0, start = 0;
    int dots = 0;
    auto is = [&](size_t place, char c) { return place < count && text[place] == c; };
    while (i < count) {
      char c = text[i];
      if (c == '"' || c == '\'') {
        bool is_long = is(i + 1, c) && is(i + 2, c);
        i += is_long ? 3 : 1;
        while (i < count) {
          if (c == '"' && text[i] == '\\') {
            i += 2;
          } else if (is_long && text[i] == c && is(i + 1, c) && is(i + 2, c)) {
            i += 3;
            // Up to two quotes may stand before the three that close.
            while (is(i, c)) i++;
            break;
          } else if (!is_long && text[i] == c) {
            i++;
            break;
          } else if (!is_long && text[i] == '\n') {
            break;
          } else {
            if (text[i] == '\n') { line++; start = i + 1; }
            i++;
          }
        }
        continue;
      }
      if (c == '#') {
        while (i < count && text[i] != '\n') i++;
        continue;
      }
      if (c == '.') {
        if (++dots >= most_levels) {
          found = true;
          column = static_cast<unsigned>(i - start) + 1;
          return;
        }
      } else if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '[') {
        dots = 0;
        if (c == '\n') { line++; start = i + 1; }
      }
      i++;
    }
  }
};

void write_string(const std::string &string, std::string &out) {
  static const char digits[] = "0123456789abcdef";
  out += '"';
  for (char c : string) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// - Returns: false where it is too deep.
bool write(const toml::node &node, std::string &out, int depth) {
  // Tables that headers and dotted keys make stand inside each other without an end of their own.
  if (depth > 4 * most_levels) return false;
  if (const toml::table *table = node.as_table()) {
    bool is_first = true;
    out += '{';
    for (auto &&[key, value] : *table) {
      if (!is_first) out += ',';
      is_first = false;
      write_string(std::string(key.str()), out);
      out += ':';
      if (!write(value, out, depth + 1)) return false;
    }
    out += '}';
  } else if (const toml::array *array = node.as_array()) {
    bool is_first = true;
    out += '[';
    for (auto &&value : *array) {
      if (!is_first) out += ',';
      is_first = false;
      if (!write(value, out, depth + 1)) return false;
    }
    out += ']';
  } else if (auto string = node.as_string()) {
    write_string(string->get(), out);
  } else if (auto integer = node.as_integer()) {
    out += std::to_string(integer->get());
  } else if (auto boolean = node.as_boolean()) {
    out += boolean->get() ? "true" : "false";
  } else if (auto number = node.as_floating_point(); number && std::isfinite(number->get())) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17e", number->get());
    out += digits;
  } else {
    out += "null";
  }
  return true;
}

void refuse(refx_toml_result &result, const char *message, unsigned line, unsigned column) {
  std::snprintf(result.message, sizeof result.message, "%s", message);
  result.line = line;
  result.column = column;
}

}  // namespace

extern "C" refx_toml_result refx_toml_to_json(const char *text, size_t count) {
  refx_toml_result result{};
  if (count > REFX_TOML_MOST_BYTES) {
    refuse(result, "it is larger than 1 MiB", 0, 0);
    return result;
  }
  try {
    if (deep_key key(text, count); key.found) {
      refuse(result, "a key has too many dots", key.line, key.column);
      return result;
    }
    toml::parse_result parsed = toml::parse(std::string_view(text, count));
    if (!parsed) {
      const toml::parse_error &error = parsed.error();
      std::string message(error.description());
      refuse(result, message.c_str(), error.source().begin.line, error.source().begin.column);
      return result;
    }
    std::string out;
    if (!write(parsed.table(), out, 0)) {
      refuse(result, "its tables are too deep", 0, 0);
      return result;
    }
    result.json = static_cast<char *>(std::malloc(out.size() + 1));
    if (!result.json) {
      refuse(result, "there is no memory for it", 0, 0);
      return result;
    }
    std::memcpy(result.json, out.c_str(), out.size() + 1);
    result.count = out.size();
  } catch (...) {
    // The standard library's own: out of memory.
    refuse(result, "there is no memory for it", 0, 0);
  }
  return result;
}
