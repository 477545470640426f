import Configured
import Settings
import TLS
import Testing
import Upstreams

@testable import Proxy

extension Generation {
    /// A generation that serves by this text.
    ///
    /// - Parameter others: files that it names.
    static func reading(
        _ text: String, number: UInt64 = 1, others: [String: [UInt8]] = [:]
    ) throws -> Generation {
        try Generation(
            Settings.reading(text, others: others), number: number, registry: UpstreamRegistry(),
            tickets: TicketKeys(),
            readFile: { others[$0] })
    }
}
