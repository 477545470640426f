import Peers
import Testing
import Transport

/// What can be said of a path, and of an address, before anything is done there.
@Suite struct PathCheckTests {
    private func failure(_ body: () throws(SystemError) -> Void) -> SystemError? {
        do throws(SystemError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func `what could be opened for appending is known without making it`() throws {
        let folder = try TemporaryFolder()
        let file = folder.path("a.log")
        #expect(failure { () throws(SystemError) in try PathCheck.canAppend(to: file) } == nil)
        #expect((try? folder.read("a.log")) == nil)
        let missing = folder.path("none/a.log")
        let reason = failure { () throws(SystemError) in try PathCheck.canAppend(to: missing) }
        #expect(reason?.isNotFound == true)
        #expect(
            reason?.advice(writing: missing)
                == "its folder does not exist (mkdir -p '\(folder.path("none"))')")
        let own = String(folder.path("").reversed().drop { $0 == "/" }.reversed())
        let inside = failure { () throws(SystemError) in try PathCheck.canAppend(to: own) }
        #expect(inside?.advice(writing: own) == "it is a folder, not a file")
        _ = try folder.write(Array("x".utf8), to: "file")
        let below = folder.path("file/a.log")
        let part = failure { () throws(SystemError) in try PathCheck.canAppend(to: below) }
        #expect(part?.advice(writing: below) == "a part of the path is not a folder")
        let stream = "/dev/stdout"
        #expect(failure { () throws(SystemError) in try PathCheck.canAppend(to: stream) } == nil)
    }

    @Test func `an address that is not to be had is told with what to do about it`() throws {
        let taken = try Listener(.ip4(octets: [127, 0, 0, 1], port: 0))
        let inUse = failure { () throws(SystemError) in
            try PathCheck.canListen(on: taken.address)
        }
        #expect(inUse?.isAddressInUse == true)
        #expect(inUse?.advice(listeningOn: taken.address).hasPrefix("another process") == true)
        let foreign = SocketAddress.ip4(octets: [192, 0, 2, 1], port: 8443)
        let unknown = failure { () throws(SystemError) in try PathCheck.canListen(on: foreign) }
        #expect(
            unknown?.advice(listeningOn: foreign).hasPrefix("this machine has no such address")
                == true)
        let free = SocketAddress.ip4(octets: [127, 0, 0, 1], port: 0)
        #expect(failure { () throws(SystemError) in try PathCheck.canListen(on: free) } == nil)
    }

    @Test func `a socket needs a folder and a name that is free or was a socket's`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.sock")
        func advice(_ path: String) -> String? {
            let address = SocketAddress.unix(path: path)
            return failure { () throws(SystemError) in try PathCheck.canListen(on: address) }?
                .advice(listeningOn: address)
        }
        #expect(advice(path) == nil)
        #expect(
            advice(folder.path("none/a.sock"))
                == "its folder does not exist (mkdir -p '\(folder.path("none"))')")
        _ = try folder.write(Array("x".utf8), to: "file")
        let file = advice(folder.path("file"))
        #expect(file?.hasPrefix("another process uses this path, or") == true)
        let long = folder.path(String(repeating: "x", count: 120))
        #expect(advice(long) == "the path of a socket has at most 107 octets")
        var listener: Listener? = try Listener(.unix(path: path))
        #expect(listener?.address == .unix(path: path))
        #expect(advice(path)?.hasPrefix("another process uses this path") == true)
        listener = nil
        #expect(advice(path) == nil, "it is replaced when nobody serves it any more")
    }

    @Test func `an error of the system is never shown as a value of the program`() {
        #expect("\(SystemError("open", code: 2))" == "open: No such file or directory")
    }
}
