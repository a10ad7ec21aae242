extension Int {
  /// The sum, or the largest number where it is larger: for totals of what files declare, which may be any.
  package func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
