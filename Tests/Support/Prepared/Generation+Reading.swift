import Configured
package import Generations
import Settings
import TLS
import Upstreams

extension Generation {
    /// A generation that serves by this text.
    ///
    /// - Parameter others: files that it names.
    package static func reading(
        _ text: String, number: UInt64 = 1, others: [String: [UInt8]] = [:]
    ) throws -> Generation {
        try Generation(
            Settings.reading(text, others: others), number: number, registry: UpstreamRegistry(),
            tickets: TicketKeys(),
            readFile: { others[$0] })
    }
}
