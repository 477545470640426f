internal import Bytes
internal import Clock
internal import HTTP

/// The line `Date` of answers, written anew once a second (RFC 9110 §6.6.1).
struct DateLine {
    private var second: Int64?
    private var octets: [UInt8] = []

    mutating func octets(at time: WallTime) -> [UInt8] {
        if time.seconds != second {
            second = time.seconds
            octets.removeAll(keepingCapacity: true)
            octets.append("Date: \(HTTPDate.text(time))\r\n")
        }
        return octets
    }
}
