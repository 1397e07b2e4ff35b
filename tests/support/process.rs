//! A program in the background: started with a log, awaited with a deadline, ended with its value.

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take until it answers: two cores may be busy compiling.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOG_LINES_SHOWN: usize = 40;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts `program` with its output in `folder/name.log`.
    ///
    /// `package` is what to install where the program is missing.
    pub fn start<A: Display>(
        name: &str,
        program: impl AsRef<Path>,
        package: &str,
        arguments: impl IntoIterator<Item = A>,
        folder: &Path,
    ) -> Result<Process> {
        let program = find(program.as_ref())
            .with_context(|| format!("{} is missing; install {package}", program.as_ref().display()))?;
        let arguments = arguments.into_iter().map(|argument| argument.to_string()).collect();
        let log = folder.join(format!("{name}.log"));
        let mut process = Process { name: name.to_owned(), program, arguments, log, child: None };
        process.start_again()?;
        Ok(process)
    }

    /// Starts it once more, as it was started first, after [`Process::kill`] or after it ended by itself.
    pub fn start_again(&mut self) -> Result<()> {
        self.kill();
        let log =
            File::options().create(true).append(true).open(&self.log).context("the log cannot be written")?;
        // setpriv becomes the program, after it has asked the kernel to end that with this test program.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the log cannot be shared")?)
            .stderr(log);
        self.child = Some(spawn(command).with_context(|| format!("{} cannot be started", self.name))?);
        Ok(())
    }

    /// Its process id; 0 when it has been killed.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends a signal by its name, such as `TERM` or `HUP`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status()?;
        if !sent.success() {
            bail!("{} could not be sent {signal}", self.name);
        }
        Ok(())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), |child| Ok(child.try_wait()?))
    }

    /// Waits until it has ended by itself.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} still runs after {within:?}\n{}", self.name, self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until `url` answers with a success, while it runs.
    pub async fn answers(&mut self, client: &reqwest::Client, url: &str) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let answer = client.get(url).timeout(Duration::from_secs(2)).send().await;
            if answer.is_ok_and(|response| response.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status}\n{}", self.name, self.last_lines());
            }
            if Instant::now() > deadline {
                bail!("{} does not answer at {url} after {READY_WITHIN:?}\n{}", self.name, self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until its log holds `text`.
    pub async fn says(&mut self, text: &str, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while !self.log().contains(text) {
            if Instant::now() > deadline {
                bail!("{} did not say `{text}` within {within:?}\n{}", self.name, self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
        format!("--- the last lines of {}\n{}\n---", self.log.display(), lines[shown..].join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.last_lines());
        }
    }
}

/// A folder for one server: removed with its value, but for the failures and for whoever asks to keep it.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// A new empty folder.
    pub fn new() -> Result<Folder> {
        Ok(Folder(tempfile::Builder::new().prefix("bartizan-test-").tempdir()?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into it, and says where that is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("BARTIZAN_TEST_KEEP").is_some() {
            self.0.disable_cleanup(true);
            eprintln!("kept: {}", self.path().display());
        }
    }
}

/// Runs a program to its end and gives its standard output; its standard error is in the error.
pub fn output(package: &str, command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let name = program.display();
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.with_context(|| format!("{name} cannot be run; install {package}"))?;
    if !ended.status.success() {
        bail!("{name} ended with {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

type Started = std::io::Result<Child>;

/// Children are started by one thread that never ends: the kernel sends the signal that `setpriv` asks for when the
/// *thread* that started the child is gone, and a test's thread goes before what several tests share.
fn spawn(command: Command) -> Started {
    static SPAWNER: LazyLock<mpsc::Sender<(Command, mpsc::Sender<Started>)>> = LazyLock::new(|| {
        let (sender, orders) = mpsc::channel::<(Command, mpsc::Sender<Started>)>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                // Nobody waits for the reply when the test has been cancelled.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, started) = mpsc::channel();
    SPAWNER.send((command, reply)).map_err(std::io::Error::other)?;
    started.recv().map_err(std::io::Error::other)?
}
