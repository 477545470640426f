/// When one side stops reading because the other does not take what was read.
package enum Flow {
    /// Octets waiting for one side at which the other is no longer read from.
    package static let highWater = 256 * 1024
    /// Octets waiting at which reading goes on.
    package static let lowWater = 64 * 1024
}
