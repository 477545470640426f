package import Clock

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The date of a time since 1970; empty for an earlier time.
    package static func text(_ time: WallTime) -> String {
        // 1994-11-06T08:49:37Z
        let parts = time.rfc3339().split { "-T:Z".contains($0) }.map(String.init)
        guard time.seconds >= 0, parts.count == 6, let month = Int(parts[1]) else { return "" }
        let day = days[Int(time.seconds / 86_400 % 7)]
        return "\(day), \(parts[2]) \(months[(month - 1) % 12]) \(parts[0])"
            + " \(parts[3]):\(parts[4]):\(parts[5]) GMT"
    }
}
