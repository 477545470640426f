/// How much of a head is read before it is refused.
package struct HeadLimits: Sendable, Hashable {
    /// Octets from the first of the start line to the last of the empty line; beyond, 431.
    package var size: Int
    /// Field lines; beyond, 431.
    package var fieldCount: Int
    /// Octets of the request target; beyond, 414.
    package var targetSize: Int

    package init(size: Int = 32 * 1024, fieldCount: Int = 100, targetSize: Int = 8 * 1024) {
        self.size = size
        self.fieldCount = fieldCount
        self.targetSize = targetSize
    }

    /// For requests: browsers stay below 16 KiB; the rest is for tokens and cookies.
    package static let request = HeadLimits()
    /// For responses, which come from apps of our own house and may set many cookies.
    package static let response = HeadLimits(size: 64 * 1024, fieldCount: 200)
}
