// Which sites are one value in the model, and which in the checkpoint.

extension Graft {
  /// What must be the same in the checkpoint: what stands there for one Ref of the model, where the contract and the
  /// leniency let it stand there more than once.
  mutating func demandEqualities() {
    for (demand, (number, found, _)) in plainMeetings.enumerated() {
      let taken = entryOfObject[number].map { file.index(at: $0) } ?? plainContent[number] ?? .none
      equality.demand(model.objects.count + demand, that: taken, is: found)
    }
    guard meetsTwice, terms.topology.contains(.acceptUnties) else { return }
    for (number, taken, position) in unties {
      equality.demand(number, that: file.index(at: taken), is: file.index(at: position))
    }
  }

  /// The objects that meet further entries than the one they take.
  private var unties: [(number: Int, taken: Int, position: Int)] {
    meetings.compactMap { meeting in
      let (number, position) = (meeting.pair.number, meeting.pair.position)
      guard let taken = entryOfObject[number], taken != position, isMattering(number) else { return nil }
      return (number, taken, position)
    }
  }

  /// Notes where the two differ beyond the contract, one difference for each group of values that hang together.
  /// Reads what must be equal.
  ///
  /// - Returns: the first error of a payload that could not be read.
  mutating func compareTopology() -> RefxError? {
    var unequal = equality.refused
    var unreadable: RefxError?
    for (one, other, demand) in equality.leaves where !unequal.contains(demand) {
      do {
        if try !one.holdsSameBytes(as: other) { unequal.insert(demand) }
      } catch {
        let plain = demand - model.objects.count
        let path = plain < 0 ? model.objects[demand].firstPath : plainMeetings[plain].place.path
        unreadable = unreadable ?? (error as? RefxError)?.atPath(path)
      }
    }
    for demand in unequal.sorted() where demand >= model.objects.count {
      let (object, found, place) = plainMeetings[demand - model.objects.count]
      note(
        .topology, place, expected: "the value of \(name(model.objects[object].firstPath))",
        found: "another value: \(DecodingNode.tree(found).summary ?? "nothing")")
    }
    if meetsTwice {
      let isAccepted = terms.topology.contains(.acceptUnties)
      noteTopology(
        of: isAccepted ? unequal.filter { $0 < model.objects.count } : Set(unties.map(\.number)))
    }
    return unreadable
  }

  /// Notes the unties of these objects, and the ties that the contract does not accept.
  private mutating func noteTopology(of unties: Set<Int>) {
    var ties: Set<Int> = []
    if !terms.topology.contains(.acceptTies) {
      var firstObjects: [Int: Int] = [:]
      var isMatter: Set<Int> = []
      var isTied: Set<Int> = []
      for meeting in meetings {
        let shared = equality.representative(of: meeting.pair.position)
        let number = meeting.pair.number
        if firstObjects[shared, default: number] != number { isTied.insert(shared) }
        if firstObjects[shared] == nil { firstObjects[shared] = number }
        if isMattering(number) { isMatter.insert(shared) }
      }
      ties = isTied.intersection(isMatter)
    }
    if unties.isEmpty, ties.isEmpty { return }
    let own = SharedValues(holding: model.objects, contents: model.objects.map(\.content))
    var mostBytes = Graft.mostMeasured
    for group in groups() where group.contains(where: { touches($0, unties, ties) }) {
      let remark = remark(on: group, unties, ties, own, &mostBytes)
      differences.append(difference(of: group, remark))
    }
  }

  private mutating func touches(_ meeting: Meeting, _ unties: Set<Int>, _ ties: Set<Int>) -> Bool {
    unties.contains(meeting.pair.number) || ties.contains(equality.representative(of: meeting.pair.position))
  }

  /// A class instance that was never looked into is taken for one that matters.
  private func isMattering(_ number: Int) -> Bool {
    model.objects[number].ref != nil ? isChosen[number] : isWanted[number] ?? true
  }

  /// The meetings, by what hangs together: objects through a common entry, entries through a common object.
  private mutating func groups() -> [[Meeting]] {
    var parents = Array(0..<(model.objects.count + file.entries.count))
    func root(_ node: Int) -> Int {
      var node = node
      while parents[node] != node {
        parents[node] = parents[parents[node]]
        node = parents[node]
      }
      return node
    }
    func node(of meeting: Meeting) -> Int {
      model.objects.count + equality.representative(of: meeting.pair.position)
    }
    for meeting in meetings {
      let (a, b) = (root(meeting.pair.number), root(node(of: meeting)))
      parents[max(a, b)] = min(a, b)
    }
    var order: [Int] = []
    var groups: [Int: [Meeting]] = [:]
    for meeting in meetings {
      let group = root(meeting.pair.number)
      if groups[group] == nil { order.append(group) }
      groups[group, default: []].append(meeting)
    }
    return order.compactMap { groups[$0] }
  }

  private func difference(of group: [Meeting], _ remark: String?) -> Difference {
    var entries: [Int: Int] = [:]
    var objects: [Int: Int] = [:]
    var place: Place?
    for meeting in group {
      let (number, position) = (meeting.pair.number, meeting.pair.position)
      if entries[number, default: position] != position || objects[position, default: number] != number {
        place = place ?? meeting.place
      }
      entries[number] = entries[number] ?? position
      objects[position] = objects[position] ?? number
    }
    return Difference(
      .topology, (place ?? group[group.count - 1].place).path,
      expected: Sharing(group.map { ($0.pair.number, $0.place) }).description,
      found: Sharing(group.map { ($0.pair.position, $0.place) }).description,
      remark: remark)
  }

  // MARK: Values

  /// How far the values are apart that cannot all be kept: those of the file where the model has one, those of the
  /// model where the file has one.
  ///
  /// - Parameters:
  ///   - own: the model's objects.
  ///   - mostBytes: how much payload may still be read for it.
  private mutating func remark(
    on group: [Meeting], _ unties: Set<Int>, _ ties: Set<Int>, _ own: SharedValues, _ mostBytes: inout Int
  ) -> String? {
    var theirs = Equality(of: file)
    var mine = Equality(of: own)
    var first: [Int: Int] = [:]
    for meeting in group {
      let (number, position) = (meeting.pair.number, meeting.pair.position)
      if unties.contains(number), let taken = entryOfObject[number] {
        theirs.demand(0, that: file.index(at: taken), is: file.index(at: position))
      }
      let shared = equality.representative(of: position)
      if ties.contains(shared) {
        let one = first[shared] ?? number
        first[shared] = one
        mine.demand(0, that: .index(Index(one)), is: .index(Index(number)))
      }
    }
    let parts = [
      unties.isEmpty ? nil : words(about: theirs, whose: "the checkpoint's", &mostBytes),
      ties.isEmpty ? nil : words(about: mine, whose: "the model's", &mostBytes),
    ]
    let all = parts.compactMap { $0 }
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  /// So much payload is read at most to say how far values are apart: a report should not take minutes.
  private static let mostMeasured = 4 << 30

  private func words(about equality: Equality, whose: String, _ mostBytes: inout Int) -> String? {
    if !equality.refused.isEmpty { return "\(whose) values are not even alike" }
    let total = equality.leaves.reduce(0) { sum, pair in
      let (both, isTooMany) = pair.one.byteCount.multipliedReportingOverflow(by: 2)
      let (more, isMore) = sum.addingReportingOverflow(both)
      return isTooMany || isMore ? .max : more
    }
    guard total <= mostBytes, !equality.isIdle else { return nil }
    mostBytes -= total
    var areSame = true
    var largest: Double? = 0
    for (one, other, _) in equality.leaves {
      guard let distance = try? terms.distance(one, other) else { return nil }
      if distance.areSame { continue }
      areSame = false
      largest = largest.flatMap { soFar in distance.largest.map { max(soFar, $0) } }
    }
    if areSame { return "\(whose) values are equal byte for byte" }
    guard let largest, !largest.isNaN else { return "\(whose) values differ" }
    return "\(whose) values differ by at most \(largest)"
  }
}

/// Which sites are one value: in words.
private struct Sharing: CustomStringConvertible {
  private static let mostShown = 4
  private var values: [[Place]] = []

  /// Sites in order, each with the number of its value.
  init(_ sites: [(value: Int, place: Place)]) {
    var numbers: [Int: Int] = [:]
    for (value, place) in sites {
      if let number = numbers[value] {
        values[number].append(place)
      } else {
        numbers[value] = values.count
        values.append([place])
      }
    }
  }

  /// "one value at a, b", or "2 values: a, b | c".
  var description: String {
    let shown = values.prefix(Sharing.mostShown).map(Sharing.paths)
    if values.count == 1 { return "one value at \(shown[0])" }
    let more = values.count > shown.count ? " and \(values.count - shown.count) more" : ""
    return "\(values.count) values: \(shown.joined(separator: " | "))\(more)"
  }

  private static func paths(_ places: [Place]) -> String {
    let shown = places.prefix(mostShown).map { $0.path.isRoot ? "the root" : $0.path.text }
    let more = places.count > shown.count ? " and \(places.count - shown.count) more" : ""
    return shown.joined(separator: ", ") + more
  }
}
