internal import Bytes
package import HTTP
internal import HTTP1
internal import Transport

/// Requests, on their way to the server. What is small, and what frames a body, is put together in
/// a scratch buffer of the caller's, which is empty behind `flush`; data that needs no framing goes
/// without being copied.
extension OriginConnection {
    /// - Returns: false when the connection does not take it.
    package func flush(_ scratch: inout [UInt8]) -> Bool {
        if scratch.isEmpty { return true }
        defer { scratch.removeAll(keepingCapacity: true) }
        return stream.send(scratch.span)
    }

    /// Sends octets of the body, or puts them behind what waits in the scratch.
    ///
    /// - Returns: false when the connection does not take them, or nobody waits for them any more.
    package func send(_ data: Span<UInt8>, behind scratch: inout [UInt8]) -> Bool {
        do throws(SendError) {
            if http.framesData {
                try http.send(data, to: &scratch)
                return true
            }
            try http.beginData(data.count, to: &scratch)
            return stream.send(data)
        } catch {
            return false
        }
    }

    /// Puts the end of the body behind what waits in the scratch.
    ///
    /// - Returns: false when nobody waits for it any more.
    package func end(trailers: Fields?, behind scratch: inout [UInt8]) -> Bool {
        do throws(SendError) {
            try http.end(trailers: trailers, to: &scratch)
            return true
        } catch {
            return false
        }
    }

    /// Sends a body, or its beginning, that was kept; a large one is not copied.
    ///
    /// - Returns: false when the connection does not take it.
    package func send(kept body: Span<UInt8>, behind scratch: inout [UInt8]) -> Bool {
        do throws(SendError) {
            try http.beginData(body.count, to: &scratch)
            let isTaken = flush(&scratch)
            guard stream.send(body), isTaken else { return false }
            try http.endData(body.count, to: &scratch)
            return true
        } catch {
            return false
        }
    }

    /// Behind what was sent: what waits in the scratch goes, too.
    ///
    /// - Parameter isTaken: the connection took what went before.
    /// - Returns: the connection took all of it.
    @discardableResult
    package func finishSending(_ scratch: inout [UInt8], isTaken: Bool = true) -> Bool {
        let isAllTaken = flush(&scratch) && isTaken
        http.wasSent(isTaken: isAllTaken)
        return isAllTaken
    }
}
