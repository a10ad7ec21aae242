import Refx
import RefxStore

/// What a key of a Python dictionary is called in a tree.
enum PickleKey {
  private static let mostDepth = 8

  /// A text as it is; an integer in decimals; None, True, False as Python writes them; a float as the shortest decimals
  /// that are it; a tuple of these in brackets, with commas.
  ///
  /// - Throws: ``RefxError`` where the key is anything else.
  static func text(_ key: PickleValue, _ objects: TorchObjects, depth: Int) throws -> String {
    switch key {
    case .text(let text): return objects.heap.texts[text]
    case .integer(let number): return String(number)
    case .boolean(let isTrue): return isTrue ? "True" : "False"
    case .none: return "None"
    case .float(let number): return number.description
    case .tuple(let row) where depth < mostDepth:
      var text = "("
      for (position, member) in objects.heap.rows[row].enumerated() {
        text += (position == 0 ? "" : ", ") + (try self.text(member, objects, depth: depth + 1))
        try objects.heap.budget.check(nameBytes: text.utf8.count)
      }
      return text + ")"
    case .name(let number):
      switch objects.names[number] {
      case .element(let element): return "torch." + element.rawValue
      case .constant(let name): return name
      default: break
      }
    default: break
    }
    throw RefxError.pickleKey()
  }
}
