"""Answers and references as `answer ;; reference`, a line each: what is refused, what is paid."""

REFUSED: dict[str, str] = {
    "words beside a value": r"""
5\text{ is incorrect} ;; 5
5\text{ is false} ;; 5
5\text{ isn't right} ;; 5
5\text{ guess} ;; 5
5\text{ otherwise six} ;; 5
5\text{ rather six} ;; 5
5\text{ could also be six} ;; 5
5\text{ alternatively six} ;; 5
5\text{, six} ;; 5
5\text{ ou six} ;; 5
5 \text{six seven eight} ;; 5
5\text{ minus two} ;; 5
5\text{ over two} ;; 5
5\text{ divided by two} ;; 5
5\text{plus one} ;; 5
5\text{ squared} ;; 5
5\text{ factorial} ;; 5
5\text{ dozen} ;; 5
5\text{ thirds} ;; 5
5\text{ hundredths} ;; 5
5\text{ billionths} ;; 5
5\text{ quadrillion} ;; 5
5\text{ ppm} ;; 5
5\text{ per mille} ;; 5
5\text{ base seven} ;; 5
101\text{ base two} ;; 101
5万 ;; 5
5 错误 ;; 5
5\text{ apples pears plums figs dates} ;; 5
""",
    "names": r"""
\text{the answer is not }=5 ;; 5
\text{not}=5 ;; 5
\text{Not sure, but}=5 ;; 5
\text{six}=5 ;; 5
\text{area or perimeter}=5 ;; 5
\frac1x=5 ;; 5
\frac1x=5 ;; x=5
x^{-1}=5 ;; 5
|x|=5 ;; 5
|x|=5 ;; x=5
NO ;; ON
""",
    "large beside an integral": r"""
(x+y+z+1)^{40} ;; \int_0^1 x\,dx
\binom{x}{1000} ;; \int_0^1 x\,dx
\binom{x}{60} ;; \int_0^1 x\,dx
(\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13})^{60} ;; \int_0^1 x\,dx
(x+1)^{999} ;; \int_0^1 x\,dx
(n+1)^{999} ;; \sum_{k=1}^n k^2
\binom{n}{999} ;; \sum_{k=1}^n k^2
""",
    "units": r"""
5\text{ m}^{-1} ;; 5\text{ m}
5\text{ s}^{-1} ;; 5\text{ s}
5\text{ m/s}^2 ;; 5\text{ m s}^{-1}
5\,\mathrm{m\,s^{-2}} ;; 5\,\mathrm{m\,s^{-1}}
5\text{ kJ mol}^{-1} ;; 5\text{ J}
5\text{ m}^{-2} ;; 5\text{ m}^2
5\text{ N/m} ;; 5\text{ N m}
5\text{ MeV} ;; 5\text{ eV}
5\text{ MW} ;; 5\text{ W}
5\text{ mW} ;; 5\text{ MW}
5\text{ GHz} ;; 5\text{ Hz}
5\text{ MHz} ;; 5\text{ Hz}
5\text{ nm} ;; 5\text{ km}
5\text{ ns} ;; 5\text{ s}
5\text{ kPa} ;; 5\text{ MPa}
5\text{ kV} ;; 5\text{ V}
5\text{ pF} ;; 5\text{ F}
5\text{ mmol} ;; 5\text{ mol}
5\text{ kcal} ;; 5\text{ kJ}
5\text{ atm} ;; 5\text{ Pa}
5\text{ bar} ;; 5\text{ Pa}
5\text{ light years} ;; 5\text{ m}
5\text{ decades} ;; 5\text{ years}
5\text{ nights} ;; 5\text{ days}
5\text{ foos} ;; 5\text{ m}
5\,\mu\text{m} ;; 5\text{ m}
5\text{ M} ;; 5\text{ m}
5M ;; 5
5kT ;; 5
5\,\frac{\text{m}}{\text{s}} ;; 5\text{ m}
5\,\mathrm{k\Omega} ;; 5\ \Omega
5\ \Omega\text{ m} ;; 5\ \Omega
90\text{ rad} ;; 90^\circ
1\text{ radian} ;; 1\text{ degree}
30^\circ ;; 30\text{ radians}
90^\circ ;; 90\text{ rad}
""",
    "and or comma": r"""
x>3\text{ or }x<5 ;; 3<x<5
x<3\text{ and }x>5 ;; x<3\text{ or }x>5
x<1\text{ and }x>2 ;; (-\infty,1)\cup(2,\infty)
x>3\text{ or }x<5 ;; x>3\text{ and }x<5
3 \text{ or } 4 ;; (3,4)
(3 \text{ or } 4) ;; (3,4)
x=3\text{ or }x=4 ;; (3,4)
x=3\text{ or }y=4 ;; (3,4)
x=3\text{ or }y=4 ;; x=3,y=4
x=3,y=4 ;; x=3\text{ or }y=4
a>0\text{ or }b>0 ;; a>0\text{ and }b>0
a>0\text{ or }b>0 ;; a>0,b>0
""",
    "option letters": r"""
A. B ;; A
A) not, B ;; A
A) is wrong, it is B ;; A
A) or B ;; A
A. it could also be C ;; A
(A) (b) ;; A
(A) b) ;; A
A. not A, rather c ;; A
(A) 3 (B 4 ;; A
A. Also c. ;; A
A: b ;; A
A. Neither ;; A
(A) 3 C ;; A
""",
    "ends": r"""
1,2,3,... ;; 1,2,3
5... ;; 5
5.... ;; 5
5\ldots ;; 5
3.14... ;; 3.14
0.333... ;; 0.333
x^2+... ;; x^2
1, 2, 3, . . . ;; 1,2,3
5\%\% ;; 5
28\%\% ;; 0.28
(5\%)\% ;; 5
5̶ ;; 5
5̵ ;; 5
5̸ ;; 5
5⃠ ;; 5
""",
    "decimal comma": r"""
10.25 ;; 10,25
\frac{41}{4} ;; 10,25
-\frac32 ;; -1,50
\{1.25\} ;; \{1,25\}
2.75 ;; 2,75
""",
    "odd roots": r"""
(-8)^{1/3} ;; 1+\sqrt3i
\sqrt[3]{-8} ;; 1+\sqrt3i
\frac12+\frac{\sqrt3}{2}i ;; (-1)^{1/3}
""",
    "worked equalities": r"""
5=5 ;; 5
\frac12=\frac12 ;; \frac12
2=3 ;; 3
\frac{10}{2}=6 ;; 6
x=x ;; x
2x=2x ;; 2x
\frac{10}{2}=5=6 ;; 6
""",
    "operators and labels on the left": r"""
\int_0^1f(x)dx=6 ;; 5
\int_0^1 f(x)dx=6=5 ;; 5
\max(1,2)=5 ;; 5
5\text{ or }\int_0^1f(x)dx=6 ;; 6
P(X=2)=\frac38 ;; P(X=3)=\frac38
\text{not}(X)=5 ;; 5
\text{Maximum: not }5 ;; 5
A(1,2) ;; (2,1)
x+\int_0^1f(x)dx=5 ;; 5
""",
    "conditions": r"""
k\pi,\ k\in\mathbb R ;; k\pi,\ k\in\mathbb Z
x>0,\ x\in\mathbb Z ;; x>0
x>0\text{ for integer }x ;; x>0
5,\ k\in\mathbb Z ;; 5
f(x)=x\text{ for no }x ;; f(x)=x
f(x)=x\text{ for }x>0 ;; f(x)=x
k\pi\text{ where }k\text{ is odd} ;; k\pi
""",
    "wrappers slashes words": r"""
\(6\) ;; 5
\(5\) or \(6\) ;; 5
**5** **6** ;; 5
\color{red}{6} ;; 5
\ln 3/2 ;; \frac{\ln 2}{3}
\text{DNE} ;; 0
\text{infinity} ;; -\infty
H_2O ;; HO_2
H_2O ;; H_2O_2
\mathrm{Na^+} ;; \mathrm{Na^-}
""",
    "arbitrary names": r"""
a^2+b^2-2ab\cos c ;; a^2+b^2-2ab\cos C
A+c ;; A+C
x^2+c ;; x^3+C
\frac{\pi}{4}+2\pi k ;; \frac{\pi}{4}+3\pi n
k+\pi ;; n+\pi
\pi kn ;; \pi nm
c_1\cos x+c_1\sin x ;; C_1\cos x+C_2\sin x
""",
    "sets vectors and restated sums": r"""
\{x\in\mathbb{R}\mid x>3\} ;; (2,\infty)
\{x\in\mathbb{Z}\mid x>2\} ;; (2,\infty)
(1,2,3)^T ;; (3,2,1)
\max\{a,b\} ;; \min(a,b)
\mathbb{R}^+ ;; [0,\infty)
\mathbb{R}^+ ;; \mathbb{R}
\int_0^1 x^2\,dx=\frac12 ;; \int_0^1 x^2\,dx
\sum_{k=1}^{4}k=11 ;; \sum_{k=1}^4 k
5\text{ min} ;; 5\text{ m}
""",
    "determinants": r"""
ad+bc ;; \begin{vmatrix}a&b\\c&d\end{vmatrix}
2 ;; \det\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{vmatrix}1&2\\3&4\end{vmatrix} ;; -2
\det\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; -2
""",
}

PAID: dict[str, str] = {
    "words beside a value": r"""
5\text{ square meters} ;; 5
5\text{ students} ;; 5
5\text{ cubic feet per second} ;; 5
12\text{ dollars} ;; 12
5\text{ cm} ;; 5
5\text{ times} ;; 5
5\text{ pairs} ;; 5
5\text{ real solutions} ;; 5
5\text{ square units} ;; 5
5\text{ points} ;; 5
5\text{ dozen} ;; 5 dozen
5 个 ;; 5
5千克 ;; 5
""",
    "names": r"""
\text{Area of triangle } ABC = 5 ;; 5
\text{The answer}=5 ;; 5
\text{Number of ways}=5 ;; 5
\text{Sum of the first three terms}=5 ;; 5
|z|=5 ;; 5
|A|=5 ;; 5
|\vec{a}|=5 ;; 5
|AB|=5 ;; 5
\frac{AB}{CD}=5 ;; 5
\frac{S_1}{S_2}=5 ;; 5
A^{-1}=\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{pmatrix}1&2\\3&4\end{pmatrix}
\frac{NO}{BO}=5 ;; 5
NO=5 ;; 5
""",
    "large beside an integral": r"""
\frac{1}{3} ;; \int_0^1 x^2\,dx
\frac{n(n+1)(2n+1)}{6} ;; \sum_{k=1}^n k^2
""",
    "units": r"""
5\,\frac{\text m}{\text s} ;; 5
5\,\frac{\text{m}}{\text{s}} ;; 5\text{ m/s}
5\,\frac{\text{kg}}{\text{m}^{3}} ;; 5\text{ kg/m}^3
5\ \mathrm{kg\cdot m^2} ;; 5
5\ \mathrm{J/(mol\cdot K)} ;; 5
5\ \mathrm{J\,mol^{-1}\,K^{-1}} ;; 5
5\ \mathrm{J\,mol^{-1}\,K^{-1}} ;; 5\ \mathrm{J/(mol\cdot K)}
5\ \Omega ;; 5
5\,\Omega ;; 5\text{ ohms}
5\,\mathrm{k\Omega} ;; 5
5\,\text{k}\Omega ;; 5
2.5\ \mu\text m ;; 2.5
2.5\,\text{µm} ;; 2.5
2.5\,\text{µm} ;; 2.5\ \mu\mathrm{m}
5\ \mu\text C ;; 5
5\,\mathrm{\AA} ;; 5
5\,\text{Å} ;; 5
5\text{ °C} ;; 5
0.5\text{ M} ;; 0.5
5\text{ miles per hour} ;; 5\text{ mph}
5\text{ km/h} ;; 5\text{ kph}
5\,\mathrm{m\cdot s^{-2}} ;; 5\text{ m/s}^2
5\text{ hours} ;; 5\text{ hours of work}
5\text{ square units} ;; 5\text{ cm}^2
5\text{ units squared} ;; 5
5\text{ kV} ;; 5\text{ kilovolts}
5\text{ J/mol K} ;; 5
5 kV ;; 5
\frac{\pi}{2}\text{ rad} ;; 90^\circ
90^\circ ;; \frac{\pi}{2}\text{ radians}
90\text{ rad} ;; 90
\frac{\pi}{6}\text{ radians} ;; \frac{\pi}{6}
""",
    "and or comma": r"""
x<1, x>2 ;; (-\infty,1)\cup(2,\infty)
x<1\text{ or }x>2 ;; x<1,x>2
x>3,x<5 ;; 3<x<5
x>3\text{ and }x<5 ;; 3<x<5
x>3\text{ and }x<5 ;; x>3,x<5
a>0,b>0 ;; a>0\text{ and }b>0
a>1\text{ and }a\ne2 ;; (1,2)\cup(2,\infty)
x=2\text{ or }x=3 ;; x=2\text{ and }x=3
x=1\text{ and }y=2 ;; (1,2)
3\text{ or }4 ;; \{3,4\}
(x,y)=(1,2)\text{ or }(3,4) ;; (1,2),(3,4)
""",
    "option letters": r"""
A. A car ;; A
A. twelve ;; A
(B)\ 12 ;; B
\textbf{(C)}\ 3\pi ;; C
B. I am a doctor ;; B
D. Because a triangle has three sides ;; D
""",
    "ends": r"""
5. ;; 5
1,2,...,n ;; 1,2,\dots,n
1,3,5,… ;; 1,3,5,\ldots
x≠3 ;; x\ne3
50\% ;; 0.5
""",
    "decimal comma": r"""
2,75 ;; 2.75
0,5 ;; \frac12
2,75 ;; 2,75
10,25 ;; 25,10
\{10,25\} ;; 10,25
1,234 ;; 1234
1234 ;; 1,234
""",
    "odd roots": r"""
(-8)^{1/3} ;; -2
(-8)^{2/3} ;; 4
(-2)^{1/3} ;; -\sqrt[3]{2}
(-2)^{1/3} ;; \sqrt[3]{-2}
x^{2/3} ;; \sqrt[3]{x^2}
""",
    "worked equalities": r"""
\frac38=0.375 ;; \frac38
0.375=\frac38 ;; \frac38
\frac{10}{36}=\frac5{18} ;; \frac5{18}
\frac{6}{8}=\frac34 ;; \frac34
\frac{10}{2}=5 ;; 5
P=\frac{10}{36}=\frac{5}{18} ;; \frac5{18}
x=\frac68=\frac34 ;; \frac34
2+3=5 ;; 5
""",
    "operators and labels on the left": r"""
\frac{dy}{dx}=2x ;; 2x
\frac{\partial f}{\partial x}=2xy ;; 2xy
\int_0^1f(x)dx=\frac12 ;; \frac12
\lim_{x\to0}f(x)=1 ;; 1
\sum_{n=1}^\infty \frac{1}{n^2}=\frac{\pi^2}{6} ;; \frac{\pi^2}6
P(X=2)=\frac38 ;; \frac38
\mathbb E[X]=\frac38 ;; \frac38
\mathbb{E}[X]=\frac38 ;; \frac38
m\angle ABC=30^\circ ;; 30
\min=5 ;; 5
\text{min} = 5 ;; 5
\text{Maximum: }5 ;; 5
\text{maximum value is }5 ;; 5
\text{center }(1,2) ;; (1,2)
A(1,2) ;; (1,2)
P(1,2) ;; (1,2)
\text{Var}(X)=2 ;; 2
""",
    "conditions": r"""
k\pi,\ k\in\mathbb Z ;; k\pi
k\pi ;; k\pi, k\in\mathbb{Z}
x=\frac{\pi}{4}+k\pi\ (k\in\mathbb{Z}) ;; x=\frac{\pi}{4}+k\pi
f(x)=cx, c\in\mathbb R ;; f(x)=cx
f(x)=cx ;; f(x)=cx\text{ for any constant }c
x\in\mathbb R, x\ne0 ;; (-\infty,0)\cup(0,\infty)
f(x)=x\text{ for all }x ;; f(x)=x
x=n\pi\text{ for integer }n ;; n\pi
k\pi\text{ where }k\text{ is an integer} ;; k\pi
""",
    "wrappers slashes words": r"""
\(5\) ;; 5
\[5\] ;; 5
**5** ;; 5
`5` ;; 5
\color{red}{5} ;; 5
\color{blue} 5 ;; 5
\textcolor{red}{5} ;; 5
5\text{.} ;; 5
t=\ln 2/\lambda ;; \frac{\ln2}\lambda
\log5/\log2 ;; \log_25
\ln3/2 ;; \frac{\ln3}2
\ln3/2 ;; \ln\frac32
\sin x/x ;; \frac{\sin x}{x}
\text{all real numbers} ;; (-\infty,\infty)
\text{DNE} ;; \text{does not exist}
\text{does not exist} ;; \text{DNE}
\text{no solutions} ;; \text{no solution}
\text{infinity} ;; \infty
\ce{H2O} ;; H_2O
\mathrm{H_2O} ;; \text{H}_2\text{O}
\mathrm{Na^+} ;; Na^+
\mathrm{CH_3COOH} ;; CH_3COOH
""",
    "arbitrary names": r"""
\frac{x^3}{3}+c ;; \frac{x^3}{3}+C
y=C_1\cos x+C_2\sin x ;; y=c_1\cos x+c_2\sin x
\frac\pi4+2\pi k ;; \frac\pi4+2\pi n
x=\frac\pi4+k\pi,\ k\in\mathbb Z ;; x=\frac\pi4+n\pi
""",
    "sets vectors and restated sums": r"""
\{x\in\mathbb R\mid x>2\} ;; (2,\infty)
\{x \in \mathbb{R} \mid x > 2\} ;; (2,\infty)
(1,2,3)^T ;; \begin{pmatrix}1\\2\\3\end{pmatrix}
[1, 2, 3]^\top ;; \begin{pmatrix}1\\2\\3\end{pmatrix}
\max\{a,b\} ;; \max(a,b)
\mathbb{R}^+ ;; (0,\infty)
\mathbb{R}_{>0} ;; (0,\infty)
\int_0^1 x^2\,dx=\frac13 ;; \int_0^1 x^2\,dx
\sum_{k=1}^{4}k=10 ;; \sum_{k=1}^4 k
5\text{ minutes} ;; 5\text{ min}
5\text{ min} ;; 5
""",
    "determinants": r"""
ad-bc ;; \begin{vmatrix}a&b\\c&d\end{vmatrix}
-2 ;; \det\begin{pmatrix}1&2\\3&4\end{pmatrix}
-2 ;; \begin{vmatrix}1&2\\3&4\end{vmatrix}
-3 ;; \begin{vmatrix}1&2&3\\4&5&6\\7&8&10\end{vmatrix}
\begin{vmatrix}1&2\\3&4\end{vmatrix} ;; \begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}
""",
}
